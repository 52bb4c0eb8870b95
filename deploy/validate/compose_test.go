package validate

import (
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
)

// project loads deploy/compose.yaml as "docker compose config" does, with the
// same library: schema, interpolation, merges, and whether services, networks
// and volumes that are named exist.
func project(t *testing.T) *types.Project {
	t.Helper()
	o, err := cli.NewProjectOptions([]string{filepath.Join(top, "deploy/compose.yaml")}, cli.WithName("plenum"))
	if err != nil {
		t.Fatal(err)
	}
	p, err := o.LoadProject(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestCompose(t *testing.T) {
	p := project(t)
	want := []string{"gateway", "grafana", "nginx", "prometheus", "redis-1", "redis-2", "sentinel-1", "sentinel-2", "sentinel-3"}
	if got := p.ServiceNames(); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("services: %v; there should be %v", got, want)
	}
	for name, s := range p.Services {
		checkImage(t, name, s.Image)
		if s.Restart == "" {
			t.Errorf("%s is not started again after a crash", name)
		}
		for _, v := range s.Volumes {
			if v.Type != types.VolumeTypeBind {
				continue
			}
			if _, err := os.Stat(v.Source); err != nil {
				t.Errorf("%s mounts what is not there: %v", name, err)
			}
			if !v.ReadOnly {
				t.Errorf("%s may write to %s", name, v.Source)
			}
		}
	}
	if !p.Networks["store"].Internal {
		t.Error("the network of Redis leads outside")
	}
	for _, name := range []string{"nginx", "prometheus", "grafana"} {
		if _, ok := p.Services[name].Networks["store"]; ok {
			t.Errorf("%s reaches Redis", name)
		}
		for _, port := range p.Services[name].Ports {
			if !net.ParseIP(port.HostIP).IsLoopback() {
				t.Errorf("%s is published at %s:%s without anybody having said so", name, port.HostIP, port.Published)
			}
		}
	}
}

func TestComposeGateway(t *testing.T) {
	p := project(t)
	g := p.Services["gateway"]
	if g.Deploy == nil || g.Deploy.Replicas == nil || *g.Deploy.Replicas != 3 || g.ContainerName != "" || len(g.Ports) != 0 {
		t.Error("there must be three gateways, and it must be possible to have more")
	}
	if g.StopGracePeriod == nil || time.Duration(*g.StopGracePeriod) <= drain(t) {
		t.Errorf("a gateway is killed after %v; draining may take %v", g.StopGracePeriod, drain(t))
	}
	for name := range g.Environment {
		checkSetting(t, "gateway", name)
	}
	subnet := p.Networks["front"].Ipam.Config[0].Subnet
	if trusted := g.Environment["PLENUM_TRUSTED_PROXIES"]; trusted == nil || *trusted != subnet {
		t.Errorf("nginx is in %s, and the gateway trusts %v", subnet, trusted)
	}
	checkSentinelURL(t, p, *g.Environment["PLENUM_REDIS_URL"])
	if g.Build.Dockerfile != "deploy/Dockerfile" {
		t.Errorf("built from %s", g.Build.Dockerfile)
	}
	if n := g.Ulimits["nofile"]; n == nil || strconv.Itoa(n.Single) <= settings(t)["PLENUM_CONNECTIONS"] {
		t.Errorf("%v descriptors are not enough for PLENUM_CONNECTIONS", n)
	}
}

// checkSentinelURL looks for each sentinel, and for the name that they watch the
// primary under.
func checkSentinelURL(t *testing.T, p *types.Project, text string) {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	for _, addr := range append([]string{u.Host}, u.Query()["addr"]...) {
		host, port, err := net.SplitHostPort(addr)
		if _, ok := p.Services[host]; !ok || port != "26379" || err != nil {
			t.Errorf("%s is no sentinel", addr)
		}
	}
	set := u.Query().Get("master_set")
	if set == "" || !strings.Contains(read(t, "deploy/compose/sentinel.conf"), "sentinel monitor "+set+" redis-1 6379 2\n") {
		t.Errorf("no sentinel watches %q", set)
	}
}

func TestComposeNginx(t *testing.T) {
	s := project(t).Services["nginx"]
	files := make(map[string]string)
	for _, v := range s.Volumes {
		text, err := os.ReadFile(v.Source)
		if err != nil {
			t.Fatal(err)
		}
		name, ok := strings.CutPrefix(v.Target, "/etc/plenum/")
		if !ok {
			t.Errorf("nginx looks for nothing at %s", v.Target)
		}
		files[name] = string(text)
	}
	testNginx(t, files)
}

// The promtool of this machine reads what Prometheus is given, with the alerts
// where compose.yaml mounts them.
func TestComposePrometheus(t *testing.T) {
	var config, alerts string
	for _, v := range project(t).Services["prometheus"].Volumes {
		switch v.Target {
		case "/etc/prometheus/prometheus.yml":
			config = v.Source
		case "/etc/plenum/prometheus":
			alerts = v.Source
		}
	}
	text, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "prometheus.yml")
	changed := strings.ReplaceAll(string(text), "/etc/plenum/prometheus/", alerts+"/")
	if err := os.WriteFile(path, []byte(changed), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(tool(t, "promtool"), "check", "config", path).CombinedOutput(); err != nil || !strings.Contains(string(out), "rules found") {
		t.Errorf("promtool check config: %v\n%s", err, out)
	}
}

// A redis-server of this machine reads the sentinels' configuration.
func TestComposeSentinel(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	l.Close()
	dir := t.TempDir()
	text := strings.NewReplacer("port 26379", "port "+port, "dir /data", "dir "+dir, "redis-1 6379", "localhost 1").
		Replace(read(t, "deploy/compose/sentinel.conf"))
	path := filepath.Join(dir, "sentinel.conf")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	server := exec.Command(tool(t, "redis-server"), path, "--sentinel")
	out := new(strings.Builder)
	server.Stdout, server.Stderr = out, out
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Wait() }()
	cli := tool(t, "redis-cli")
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	late := time.After(20 * time.Second)
	for {
		master, err := exec.CommandContext(t.Context(), cli, "-p", port, "SENTINEL", "MASTER", "plenum").Output()
		if err == nil && strings.Contains(string(master), "down-after-milliseconds\n5000\n") {
			server.Process.Kill()
			<-ended
			return
		}
		select {
		case <-ended:
			t.Fatalf("the sentinel ended:\n%s", out)
		case <-late:
			server.Process.Kill()
			<-ended
			t.Fatalf("the sentinel does not know its primary: %s\n%s", master, out)
		case <-tick.C:
		}
	}
}
