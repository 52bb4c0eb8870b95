package redistest

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
)

// slots is the number of hash slots of a Redis Cluster.
const slots = 16384

// Cluster is three primaries without replicas, which share all slots evenly. Its
// methods and fields may be used concurrently.
type Cluster struct {
	Nodes [3]*Server
}

// StartCluster runs a cluster until the test ends, and returns when every node
// says that it is whole. The options are lines of each node's redis.conf. If
// something cannot run, the test fails.
func StartCluster(t testing.TB, options ...string) *Cluster {
	t.Helper()
	c := new(Cluster)
	options = append([]string{
		"cluster-enabled yes",
		"cluster-announce-ip 127.0.0.1",
		"cluster-node-timeout 2000",
	}, options...)
	for i := range c.Nodes {
		c.Nodes[i] = Start(t, options...)
	}
	if err := c.join(); err != nil {
		t.Fatal(err)
	}
	return c
}

// URL names all nodes, as rueidis.ParseURL understands it.
func (c *Cluster) URL() string {
	return fmt.Sprintf("%s?addr=%s&addr=%s", c.Nodes[0].URL(), c.Nodes[1].Addr(), c.Nodes[2].Addr())
}

// Denied is what all nodes have refused, see [Server.Denied].
func (c *Cluster) Denied() (what []string, err error) { return denied(c.Nodes[:]...) }

// join gives each node its slots and makes the nodes known to each other.
func (c *Cluster) join() error {
	for i, node := range c.Nodes {
		first, last := i*slots/len(c.Nodes), (i+1)*slots/len(c.Nodes)-1
		commands := [][]string{
			// Each its own epoch: else the nodes first settle a conflict of epochs.
			{"CLUSTER", "SET-CONFIG-EPOCH", strconv.Itoa(i + 1)},
			{"CLUSTER", "ADDSLOTSRANGE", strconv.Itoa(first), strconv.Itoa(last)},
		}
		if i > 0 {
			commands = append(commands, []string{"CLUSTER", "MEET", "127.0.0.1", strconv.Itoa(c.Nodes[0].port)})
		}
		for _, command := range commands {
			if _, err := node.Do(command...); err != nil {
				return err
			}
		}
	}
	return c.Await()
}

// Await waits until every node says that all nodes and slots are served, as after
// a restart of one of them. It gives up after 20 s.
func (c *Cluster) Await() error {
	for _, node := range c.Nodes {
		err := await("the cluster to be whole for "+node.Addr(), func() error { return c.whole(node) })
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *Cluster) whole(node *Server) error {
	info, err := node.Do("CLUSTER", "INFO")
	if err != nil {
		return err
	}
	for _, line := range []string{
		"cluster_state:ok",
		fmt.Sprintf("cluster_slots_ok:%d", slots),
		fmt.Sprintf("cluster_known_nodes:%d", len(c.Nodes)),
	} {
		if !strings.Contains(info, line+"\r\n") {
			return fmt.Errorf("no %s in %q", line, info)
		}
	}
	return nil
}
