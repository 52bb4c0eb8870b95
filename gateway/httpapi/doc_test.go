package httpapi

import (
	"slices"
	"testing"

	"github.com/plenum-gateway/plenum/gateway/apidoc/apidoctest"
)

// The table of routes and the OpenAPI document name the same.
func TestDocumentHasEveryRoute(t *testing.T) {
	described, err := apidoctest.NewHTTP()
	if err != nil {
		t.Fatal(err)
	}
	p, _ := parts(t)
	var served []string
	for _, r := range table(p) {
		if r.pattern != "GET /" && r.pattern != "/api/" { // the page, and what is not there
			served = append(served, r.pattern)
		}
	}
	slices.Sort(served)
	if routes := described.Routes(); !slices.Equal(routes, served) {
		t.Errorf("the document has\n%q\nserved are\n%q", routes, served)
	}
}
