package session

import (
	"context"
	"fmt"
	"testing"
)

// Members go while the service stops: it waits for the goodbyes that there are,
// and for those that come meanwhile it neither has to nor may stumble over them.
func TestMembersGoWhileTheServiceStops(t *testing.T) {
	for range 30 {
		bubble(t, func(w *world) {
			r := w.replica()
			var members []*fake
			for i := range 20 {
				members = append(members, r.named(fmt.Sprint("s", i), "Ada"))
			}
			settle()
			members[0].gone() // within the blink, so Stop has it said
			stopped := make(chan struct{})
			go func() {
				defer close(stopped)
				r.Stop(context.Background())
			}()
			for _, m := range members[1:] {
				go m.gone()
			}
			<-stopped
			settle()
		})
	}
}
