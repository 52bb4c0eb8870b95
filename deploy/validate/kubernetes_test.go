package validate

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	apps "k8s.io/api/apps/v1"
	autoscaling "k8s.io/api/autoscaling/v2"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	policy "k8s.io/api/policy/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/yaml"
)

// manifests are the objects of deploy/kubernetes.
type manifests struct {
	namespaces  []*core.Namespace
	configMaps  []*core.ConfigMap
	services    []*core.Service
	deployments []*apps.Deployment
	budgets     []*policy.PodDisruptionBudget
	scalers     []*autoscaling.HorizontalPodAutoscaler
	policies    []*networking.NetworkPolicy
}

// load decodes all files into the types of the Kubernetes API. A field that
// those do not have, or one that is there twice, fails the test.
func load(t *testing.T) *manifests {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(top, "deploy/kubernetes/*.yaml"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no manifests: %v", err)
	}
	m := new(manifests)
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for i, document := range strings.Split(string(text), "\n---\n") {
			if err := m.add([]byte(document)); err != nil {
				t.Errorf("%s, document %d: %v", filepath.Base(path), i+1, err)
			}
		}
	}
	return m
}

func (m *manifests) add(document []byte) error {
	var as meta.TypeMeta
	if err := yaml.Unmarshal(document, &as); err != nil {
		return err
	}
	switch kind := as.GroupVersionKind().String(); kind {
	case "/v1, Kind=Namespace":
		return decode(document, &m.namespaces)
	case "/v1, Kind=ConfigMap":
		return decode(document, &m.configMaps)
	case "/v1, Kind=Service":
		return decode(document, &m.services)
	case "apps/v1, Kind=Deployment":
		return decode(document, &m.deployments)
	case "policy/v1, Kind=PodDisruptionBudget":
		return decode(document, &m.budgets)
	case "autoscaling/v2, Kind=HorizontalPodAutoscaler":
		return decode(document, &m.scalers)
	case "networking.k8s.io/v1, Kind=NetworkPolicy":
		return decode(document, &m.policies)
	default:
		return fmt.Errorf("unknown kind %s", kind)
	}
}

func decode[T any](document []byte, into *[]*T) error {
	object := new(T)
	if err := yaml.UnmarshalStrict(document, object); err != nil {
		return err
	}
	*into = append(*into, object)
	return nil
}

func named[T interface{ GetName() string }](t *testing.T, all []T, name string) (found T) {
	t.Helper()
	for _, object := range all {
		if object.GetName() == name {
			return object
		}
	}
	t.Fatalf("there is no %T %s", found, name)
	return found
}

func container(t *testing.T, m *manifests, deployment string) (*apps.Deployment, core.Container) {
	t.Helper()
	d := named(t, m.deployments, deployment)
	if n := len(d.Spec.Template.Spec.Containers); n != 1 {
		t.Fatalf("%s has %d containers", deployment, n)
	}
	return d, d.Spec.Template.Spec.Containers[0]
}

// perConnection is what an idle connection costs, in bytes (docs/sizing.md), on
// the safe side.
const perConnection = 10 << 10

// Who selects selects somebody, in the one namespace.
func TestKubernetesSelects(t *testing.T) {
	m := load(t)
	selects := func(who string, selector *meta.LabelSelector) {
		s, err := meta.LabelSelectorAsSelector(selector)
		if err != nil {
			t.Errorf("%s: %v", who, err)
		}
		for _, d := range m.deployments {
			if s.Matches(labels.Set(d.Spec.Template.Labels)) {
				return
			}
		}
		t.Errorf("%s selects nobody", who)
	}
	var places []string
	for _, d := range m.deployments {
		places = append(places, d.Namespace)
		if s, err := meta.LabelSelectorAsSelector(d.Spec.Selector); err != nil || !s.Matches(labels.Set(d.Spec.Template.Labels)) {
			t.Errorf("deployment %s does not select its own pods: %v", d.Name, err)
		}
		for _, c := range d.Spec.Template.Spec.TopologySpreadConstraints {
			selects(d.Name+" spread", c.LabelSelector)
		}
	}
	for _, s := range m.services {
		places = append(places, s.Namespace)
		selects("service "+s.Name, &meta.LabelSelector{MatchLabels: s.Spec.Selector})
		for _, p := range s.Spec.Ports {
			checkPort(t, m, s.Name, p.TargetPort.StrVal)
		}
	}
	for _, b := range m.budgets {
		places = append(places, b.Namespace)
		selects("budget "+b.Name, b.Spec.Selector)
	}
	for _, p := range m.policies {
		places = append(places, p.Namespace)
		selects("policy "+p.Name, &p.Spec.PodSelector)
	}
	for _, c := range m.configMaps {
		places = append(places, c.Namespace)
	}
	for _, h := range m.scalers {
		places = append(places, h.Namespace)
		if target := h.Spec.ScaleTargetRef; named(t, m.deployments, target.Name).Kind != target.Kind {
			t.Errorf("%s scales a %s", h.Name, target.Kind)
		}
	}
	for _, place := range places {
		named(t, m.namespaces, place)
	}
}

func checkPort(t *testing.T, m *manifests, who, name string) {
	t.Helper()
	for _, d := range m.deployments {
		for _, p := range d.Spec.Template.Spec.Containers[0].Ports {
			if p.Name == name {
				return
			}
		}
	}
	t.Errorf("%s: no container has a port %q", who, name)
}

// A replica that is told to end has the time to move its members.
func TestKubernetesGateway(t *testing.T) {
	m := load(t)
	d, c := container(t, m, "plenum-gateway")
	pod := d.Spec.Template.Spec
	config := named(t, m.configMaps, "plenum-gateway")
	patience, needs := time.Duration(*pod.TerminationGracePeriodSeconds)*time.Second, drain(t)
	if own, err := time.ParseDuration(config.Data["PLENUM_DRAIN_TIMEOUT"]); err == nil {
		needs = own + leeway
	}
	if patience <= needs {
		t.Errorf("a pod is killed after %v; draining may take %v", patience, needs)
	}
	if d.Spec.Replicas != nil {
		t.Error("the number of replicas is fixed, against the autoscaler")
	}
	if u := d.Spec.Strategy.RollingUpdate; u.MaxUnavailable.IntValue() != 0 || u.MaxSurge.IntValue() < 1 {
		t.Error("an old replica goes before a new one is ready")
	}
	if c.ReadinessProbe.HTTPGet.Path != "/readyz" || c.LivenessProbe.HTTPGet.Path != "/healthz" || c.StartupProbe.HTTPGet.Path != "/healthz" {
		t.Error("the probes ask for something else than /readyz and /healthz")
	}
	names := maps.Clone(config.Data)
	for _, e := range c.Env {
		names[e.Name] = e.Value
		if path, ok := strings.CutPrefix(e.Value, "/etc/plenum/secrets/"); ok && !strings.Contains(read(t, "deploy/kubernetes/gateway.yaml"), "from-literal="+path+"=") {
			t.Errorf("nothing says how the secret gets a %s", path)
		}
	}
	for name := range names {
		checkSetting(t, "gateway.yaml", name)
	}
	connections, err := strconv.Atoi(config.Data["PLENUM_CONNECTIONS"])
	if need := int64(connections) * 2 * perConnection; err != nil || c.Resources.Limits.Memory().Value() < need {
		t.Errorf("the limit is %v; %d connections fit into half of %d bytes", c.Resources.Limits.Memory(), connections, need)
	}
}

// Everything runs as nobody in particular and can write to nothing.
func TestKubernetesPodsAreRestricted(t *testing.T) {
	for _, d := range load(t).deployments {
		pod, c := d.Spec.Template.Spec, d.Spec.Template.Spec.Containers[0]
		checkImage(t, d.Name, c.Image)
		switch s := c.SecurityContext; {
		case !*pod.SecurityContext.RunAsNonRoot || *pod.SecurityContext.RunAsUser == 0:
			t.Errorf("%s runs as root", d.Name)
		case pod.SecurityContext.SeccompProfile.Type != core.SeccompProfileTypeRuntimeDefault:
			t.Errorf("%s has no seccomp profile", d.Name)
		case !*s.ReadOnlyRootFilesystem || *s.AllowPrivilegeEscalation || fmt.Sprint(s.Capabilities.Drop) != "[ALL]":
			t.Errorf("%s may do too much: %v", d.Name, s)
		case *pod.AutomountServiceAccountToken:
			t.Errorf("%s has a token for the cluster", d.Name)
		}
	}
}

// What the autoscaler goes by is a metric of the gateway, and half of what a
// replica takes.
func TestKubernetesScaling(t *testing.T) {
	m := load(t)
	h := named(t, m.scalers, "plenum-gateway")
	if metric := h.Spec.Metrics[0].Pods.Metric.Name; !strings.Contains(read(t, "docs/metrics.md"), "| `"+metric+"` |") {
		t.Errorf("the gateway has no metric %s", metric)
	}
	average := h.Spec.Metrics[0].Pods.Target.AverageValue.Value()
	if most := named(t, m.configMaps, "plenum-gateway").Data["PLENUM_CONNECTIONS"]; fmt.Sprint(2*average) != most {
		t.Errorf("scaled at %d connections; a replica takes %s", average, most)
	}
	if *h.Spec.MinReplicas < 3 {
		t.Errorf("there may be %d replicas", *h.Spec.MinReplicas)
	}
}

// Nobody is let in whom no rule names.
func TestKubernetesNetwork(t *testing.T) {
	m := load(t)
	deny := named(t, m.policies, "default-deny").Spec
	if len(deny.PolicyTypes) != 2 || deny.Ingress != nil || deny.Egress != nil || deny.PodSelector.Size() != 0 {
		t.Error("default-deny lets somebody through")
	}
	for _, rule := range named(t, m.policies, "plenum-gateway").Spec.Ingress {
		if len(rule.From) == 0 {
			t.Error("everybody reaches the replicas")
		}
	}
	_, c := container(t, m, "plenum-gateway")
	for _, rule := range named(t, m.policies, "plenum-nginx").Spec.Egress {
		if rule.Ports[0].Port.StrVal != c.Ports[0].Name {
			t.Errorf("nginx may go to port %v of the replicas", rule.Ports[0].Port)
		}
	}
}

func TestKubernetesNginx(t *testing.T) {
	m := load(t)
	generated := named(t, m.configMaps, "plenum-nginx-main").Data["nginx.conf"]
	if generated != read(t, "deploy/nginx/nginx.conf") {
		t.Error(`nginx-main.yaml is not of deploy/nginx/nginx.conf: run "make generate"`)
	}
	files := maps.Clone(named(t, m.configMaps, "plenum-nginx").Data)
	files["nginx.conf"] = generated
	testNginx(t, files)
	headless := named(t, m.services, "plenum-replicas")
	if name := headless.Name + "." + headless.Namespace + ".svc.cluster.local:8080"; headless.Spec.ClusterIP != core.ClusterIPNone || !strings.Contains(files["upstream.conf"], "server "+name) {
		t.Errorf("nginx does not ask for the replicas at %s", name)
	}
}
