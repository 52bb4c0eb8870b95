package chaos

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/plenum-gateway/plenum/fanout/redistest"
)

// readyPatience is how long a process may take until it is ready.
const readyPatience = 30 * time.Second

// cluster is Redis, the replicas, nginx, and the links between them.
type cluster struct {
	dir      string
	redis    *redistest.Server
	replicas []*replica
	nginx    *nginx
}

// startCluster starts everything and waits until it is ready.
func startCluster(ctx context.Context, o *Options, dir string) (c *cluster, err error) {
	c = &cluster{dir: dir}
	defer func() {
		if err != nil {
			c.stop()
		}
	}()
	if err := os.Mkdir(filepath.Join(dir, "redis"), 0o755); err != nil {
		return c, err
	}
	// Whatever is acknowledged must be on the disk: with "everysec" Redis answers
	// before it has written, if the disk is busy, and a crash then forgets what
	// was acknowledged. Behind nothing less can one epoch be demanded.
	c.redis, err = redistest.NewServer(filepath.Join(dir, "redis"), "appendonly yes", "appendfsync always", "maxmemory-policy noeviction",
		"client-output-buffer-limit "+outputBuffer)
	if err != nil {
		return c, err
	}
	var fronts []string
	for i := range o.Replicas {
		r, err := newReplica(i+1, o.Gateway, dir, c.redis.Addr())
		if err != nil {
			return c, err
		}
		c.replicas = append(c.replicas, r)
		fronts = append(fronts, r.front.addr())
	}
	for _, r := range c.replicas {
		if err := r.start(); err != nil {
			return c, err
		}
	}
	for _, r := range c.replicas {
		if err := r.await(ctx); err != nil {
			return c, err
		}
	}
	c.nginx, err = startNginx(ctx, o.Nginx, filepath.Join(dir, "nginx"), fronts)
	return c, err
}

// stop ends everything.
func (c *cluster) stop() {
	if c.nginx != nil {
		_ = c.nginx.process.end(syscall.SIGTERM, 5*time.Second)
	}
	for _, r := range c.replicas {
		r.stop()
	}
	if c.redis != nil {
		c.redis.Stop()
	}
}

// await asks until a process answers 200.
func await(ctx context.Context, what, log string, current func() *process, url string) error {
	ctx, cancel := context.WithTimeout(ctx, readyPatience)
	defer cancel()
	client := &http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	var last error
	for {
		res, err := client.Get(url)
		if err == nil {
			res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return nil
			}
			err = errors.New(res.Status)
		}
		last = err
		select {
		case <-ticker.C:
		case <-current().exited:
			return fmt.Errorf("%s ended at once; its log ends with:\n%s", what, tail(log))
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready: %w; its log ends with:\n%s", what, last, tail(log))
		}
	}
}

// nginx is nginx with the repository's configuration.
type nginx struct {
	process *process
	url     string
}

// cutAfter is how long old workers keep their sockets after a reload, in place
// of what the configuration says: else no reload would cut anybody in a run.
const cutAfter = "worker_shutdown_timeout 5s;"

func startNginx(ctx context.Context, from, dir string, replicas []string) (*nginx, error) {
	path, err := lookNginx()
	if err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	if err := renderNginx(from, dir, loopback(port), replicas); err != nil {
		return nil, err
	}
	log := filepath.Join(dir, "log", "nginx.log")
	// Its master, told to end, ends the workers too; killed, it would leave them.
	p, err := launch("nginx", log, syscall.SIGTERM, os.Environ(), path, "-p", dir, "-c", "nginx.conf", "-g", "daemon off;")
	if err != nil {
		return nil, err
	}
	n := &nginx{process: p, url: "http://" + loopback(port)}
	return n, await(ctx, "nginx", log, func() *process { return p }, n.url+"/readyz")
}

// lookNginx finds nginx, also where Debian puts it.
func lookNginx() (string, error) {
	for _, name := range []string{"nginx", "/usr/sbin/nginx"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errors.New(`nginx not found: run "make setup"`)
}

// renderNginx writes the configuration from the repository's, with other
// addresses and workers that let go sooner.
func renderNginx(from, dir, listen string, replicas []string) error {
	for _, sub := range []string{"log", "temp"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			return err
		}
	}
	main, err := os.ReadFile(filepath.Join(from, "nginx.conf"))
	if err != nil {
		return fmt.Errorf("the configuration of nginx: %w", err)
	}
	upstream, err := os.ReadFile(filepath.Join(from, "upstream.conf"))
	if err != nil {
		return fmt.Errorf("the configuration of nginx: %w", err)
	}
	text := strings.Replace(string(main), "worker_shutdown_timeout 1h;", cutAfter, 1)
	text = strings.Replace(text, "worker_processes auto;", "worker_processes 2;", 1)
	if !strings.Contains(text, cutAfter) {
		return errors.New("nginx.conf has no worker_shutdown_timeout to change")
	}
	files := map[string]string{
		"nginx.conf":    text,
		"listen.conf":   "listen " + listen + " backlog=4096;\n",
		"upstream.conf": withServers(string(upstream), replicas),
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// withServers puts these servers in place of those of an upstream, each with the
// parameters of the first one.
func withServers(upstream string, addrs []string) string {
	var b strings.Builder
	for line := range strings.Lines(upstream) {
		fields := strings.Fields(line)
		if len(fields) < 2 || fields[0] != "server" {
			b.WriteString(line)
			continue
		}
		for _, addr := range addrs {
			b.WriteString(strings.Replace(line, strings.TrimSuffix(fields[1], ";"), addr, 1))
		}
		addrs = nil
	}
	return b.String()
}
