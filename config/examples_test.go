package config_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"daybook/config"
)

// The parts of Kubernetes' objects that the examples use. They are read
// strictly, so that a misspelt member is an error.
type (
	object struct {
		APIVersion string            `yaml:"apiVersion"`
		Kind       string            `yaml:"kind"`
		Metadata   metadata          `yaml:"metadata"`
		Data       map[string]string `yaml:"data"` // of a ConfigMap
		Spec       spec              `yaml:"spec"`
	}
	metadata struct {
		Name        string            `yaml:"name"`
		Labels      map[string]string `yaml:"labels"`
		Annotations map[string]string `yaml:"annotations"`
	}
	spec struct { // of a Deployment, a Service, a PodDisruptionBudget or a CronJob
		Replicas int      `yaml:"replicas"`
		Selector selector `yaml:"selector"`
		Strategy struct {
			Type          string `yaml:"type"`
			RollingUpdate struct {
				MaxUnavailable int `yaml:"maxUnavailable"`
				MaxSurge       int `yaml:"maxSurge"`
			} `yaml:"rollingUpdate"`
		} `yaml:"strategy"`
		Template podTemplate `yaml:"template"`

		Ports []struct {
			Name       string `yaml:"name"`
			Port       int    `yaml:"port"`
			TargetPort string `yaml:"targetPort"`
		} `yaml:"ports"`

		MaxUnavailable int `yaml:"maxUnavailable"`

		Schedule                   string `yaml:"schedule"`
		TimeZone                   string `yaml:"timeZone"`
		ConcurrencyPolicy          string `yaml:"concurrencyPolicy"`
		StartingDeadlineSeconds    int    `yaml:"startingDeadlineSeconds"`
		SuccessfulJobsHistoryLimit int    `yaml:"successfulJobsHistoryLimit"`
		FailedJobsHistoryLimit     int    `yaml:"failedJobsHistoryLimit"`
		JobTemplate                struct {
			Spec job `yaml:"spec"`
		} `yaml:"jobTemplate"`
	}
	job struct {
		CompletionMode          string      `yaml:"completionMode"`
		Completions             int         `yaml:"completions"`
		Parallelism             int         `yaml:"parallelism"`
		BackoffLimitPerIndex    int         `yaml:"backoffLimitPerIndex"`
		BackoffLimit            int         `yaml:"backoffLimit"`
		ActiveDeadlineSeconds   int         `yaml:"activeDeadlineSeconds"`
		TTLSecondsAfterFinished int         `yaml:"ttlSecondsAfterFinished"`
		Template                podTemplate `yaml:"template"`
		PodFailurePolicy        struct {
			Rules []struct {
				Action      string `yaml:"action"`
				OnExitCodes struct {
					ContainerName string `yaml:"containerName"`
					Operator      string `yaml:"operator"`
					Values        []int  `yaml:"values"`
				} `yaml:"onExitCodes"`
				OnPodConditions []struct {
					Type   string `yaml:"type"`
					Status string `yaml:"status"`
				} `yaml:"onPodConditions"`
			} `yaml:"rules"`
		} `yaml:"podFailurePolicy"`
	}
	// selector is a plain one of a Service, or the matchLabels of the others.
	selector struct {
		Name        string            `yaml:"app.kubernetes.io/name"`
		MatchLabels map[string]string `yaml:"matchLabels"`
	}
	podTemplate struct {
		Metadata metadata `yaml:"metadata"`
		Spec     pod      `yaml:"spec"`
	}
	pod struct {
		RestartPolicy                 string `yaml:"restartPolicy"`
		AutomountServiceAccountToken  *bool  `yaml:"automountServiceAccountToken"`
		TerminationGracePeriodSeconds int    `yaml:"terminationGracePeriodSeconds"`
		SecurityContext               struct {
			RunAsNonRoot   bool `yaml:"runAsNonRoot"`
			RunAsUser      int  `yaml:"runAsUser"`
			RunAsGroup     int  `yaml:"runAsGroup"`
			FSGroup        int  `yaml:"fsGroup"`
			SeccompProfile struct {
				Type string `yaml:"type"`
			} `yaml:"seccompProfile"`
		} `yaml:"securityContext"`
		TopologySpreadConstraints []struct {
			MaxSkew           int      `yaml:"maxSkew"`
			TopologyKey       string   `yaml:"topologyKey"`
			WhenUnsatisfiable string   `yaml:"whenUnsatisfiable"`
			LabelSelector     selector `yaml:"labelSelector"`
		} `yaml:"topologySpreadConstraints"`
		Containers []container `yaml:"containers"`
		Volumes    []volume    `yaml:"volumes"`
	}
	container struct {
		Name  string   `yaml:"name"`
		Image string   `yaml:"image"`
		Args  []string `yaml:"args"`
		Env   []struct {
			Name  string `yaml:"name"`
			Value string `yaml:"value"`
		} `yaml:"env"`
		Ports []struct {
			Name          string `yaml:"name"`
			ContainerPort int    `yaml:"containerPort"`
		} `yaml:"ports"`
		LivenessProbe  probe `yaml:"livenessProbe"`
		ReadinessProbe probe `yaml:"readinessProbe"`
		Resources      struct {
			Requests map[string]string `yaml:"requests"`
			Limits   map[string]string `yaml:"limits"`
		} `yaml:"resources"`
		SecurityContext struct {
			AllowPrivilegeEscalation *bool `yaml:"allowPrivilegeEscalation"`
			ReadOnlyRootFilesystem   bool  `yaml:"readOnlyRootFilesystem"`
			Capabilities             struct {
				Drop []string `yaml:"drop"`
			} `yaml:"capabilities"`
		} `yaml:"securityContext"`
		VolumeMounts []struct {
			Name      string `yaml:"name"`
			MountPath string `yaml:"mountPath"`
			ReadOnly  bool   `yaml:"readOnly"`
		} `yaml:"volumeMounts"`
	}
	probe struct {
		HTTPGet struct {
			Path string `yaml:"path"`
			Port string `yaml:"port"`
		} `yaml:"httpGet"`
		PeriodSeconds    int `yaml:"periodSeconds"`
		TimeoutSeconds   int `yaml:"timeoutSeconds"`
		FailureThreshold int `yaml:"failureThreshold"`
	}
	volume struct {
		Name      string `yaml:"name"`
		ConfigMap struct {
			Name string `yaml:"name"`
		} `yaml:"configMap"`
		Secret struct {
			SecretName  string `yaml:"secretName"`
			DefaultMode int    `yaml:"defaultMode"`
		} `yaml:"secret"`
		EmptyDir struct {
			SizeLimit string `yaml:"sizeLimit"`
		} `yaml:"emptyDir"`
	}
)

// kubernetesObjects are the objects of an example, by kind.
func kubernetesObjects(t *testing.T, name string) map[string]object {
	t.Helper()
	objects := map[string]object{}
	documents := yaml.NewDecoder(bytes.NewReader(readFile(t, filepath.Join("examples", "kubernetes", name))), yaml.Strict())
	for {
		var o object
		err := documents.Decode(&o)
		if errors.Is(err, io.EOF) {
			return objects
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		objects[o.Kind] = o
	}
}

// loadMounted loads the configuration as the container sees it. Where a secret is
// mounted, there is a file.
func loadMounted(t *testing.T, p *pod, configs object) *config.Config {
	t.Helper()
	c := &p.Containers[0]
	mounts := map[string]string{} // paths by volume
	for _, m := range c.VolumeMounts {
		mounts[m.Name] = m.MountPath
	}
	secrets, file := "", ""
	for _, v := range p.Volumes {
		if mounts[v.Name] == "" {
			t.Errorf("the volume %s is mounted nowhere", v.Name)
		}
		if v.Secret.SecretName != "" {
			secrets = mounts[v.Name]
		}
		if v.ConfigMap.Name == configs.Metadata.Name {
			file = path.Join(mounts[v.Name], "daybook.yml")
		}
	}
	if at := slices.Index(c.Args, "--config"); at < 0 || c.Args[at+1] != file {
		t.Errorf("daybook %s does not read %s", strings.Join(c.Args, " "), file)
	}
	settings, err := config.Load(file, []byte(configs.Data["daybook.yml"]), func(string) (string, bool) { return "", false },
		func(name string) ([]byte, error) {
			if path.Dir(name) != secrets {
				return nil, fmt.Errorf("no secret is mounted at %s", name)
			}
			return []byte("https://hooks.example.org/"), nil // also as a key
		})
	if err != nil {
		t.Fatal(err)
	}
	return settings
}

// checkPod holds a pod against its configuration.
func checkPod(t *testing.T, p *pod, settings *config.Config) {
	t.Helper()
	c := &p.Containers[0]
	if !regexp.MustCompile(`^registry\.example\.com/daybook:[0-9.]+$`).MatchString(c.Image) {
		t.Errorf("the image %s is of somebody", c.Image)
	}
	// cmd/daybook sets Go's limit to 1.25 times the budget.
	if limit := quantity(t, c.Resources.Limits["memory"]); limit < int64(settings.MemoryBudget)*5/4+128<<20 {
		t.Errorf("a limit of %s is too little for a memory_budget of %d bytes", c.Resources.Limits["memory"], settings.MemoryBudget)
	}
	if c.Resources.Requests["memory"] != c.Resources.Limits["memory"] {
		t.Error("the memory may be that of others")
	}
	switch {
	case !p.SecurityContext.RunAsNonRoot, p.SecurityContext.SeccompProfile.Type != "RuntimeDefault",
		*c.SecurityContext.AllowPrivilegeEscalation, !c.SecurityContext.ReadOnlyRootFilesystem, !slices.Equal(c.SecurityContext.Capabilities.Drop, []string{"ALL"}),
		*p.AutomountServiceAccountToken:
		t.Error("it may do more than it has to")
	}
	for _, m := range c.VolumeMounts {
		if isTemporary := m.MountPath == c.Env[0].Value; m.ReadOnly == isTemporary {
			t.Errorf("%s, read-only: %t", m.MountPath, m.ReadOnly)
		}
	}
}

// quantity reads an amount of memory.
func quantity(t *testing.T, text string) int64 {
	t.Helper()
	n, err := strconv.ParseInt(strings.TrimSuffix(text, "Mi"), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n << 20
}

func TestKubernetesServe(t *testing.T) {
	objects := kubernetesObjects(t, "serve.yaml")
	deployment, service, budget := objects["Deployment"], objects["Service"], objects["PodDisruptionBudget"]
	p := &deployment.Spec.Template.Spec
	settings := loadMounted(t, p, objects["ConfigMap"])
	checkPod(t, p, settings)
	c := &p.Containers[0]
	if c.Args[0] != "serve" || deployment.Spec.Replicas != 2 {
		t.Errorf("%d replicas of daybook %s", deployment.Spec.Replicas, c.Args[0])
	}
	if grace := time.Duration(p.TerminationGracePeriodSeconds) * time.Second; grace <= time.Duration(settings.Serve.StopTimeout) {
		t.Errorf("it is killed after %s, and may take %s to stop", grace, time.Duration(settings.Serve.StopTimeout))
	}
	port := c.Ports[0]
	if want := fmt.Sprintf(":%d", port.ContainerPort); settings.Serve.Listen != want {
		t.Errorf("it listens on %s, and its port is %s", settings.Serve.Listen, want)
	}
	for what, got := range map[string]string{
		"liveness": c.LivenessProbe.HTTPGet.Port, "readiness": c.ReadinessProbe.HTTPGet.Port, "service": service.Spec.Ports[0].TargetPort,
	} {
		if got != port.Name {
			t.Errorf("the port of %s is %s, not %s", what, got, port.Name)
		}
	}
	if c.LivenessProbe.HTTPGet.Path != "/healthz" || c.ReadinessProbe.HTTPGet.Path != "/readyz" {
		t.Error("the probes ask for other pages than there are")
	}
	if got := deployment.Spec.Template.Metadata.Annotations["prometheus.io/port"]; got != strconv.Itoa(port.ContainerPort) {
		t.Errorf("Prometheus asks port %s", got)
	}
	name := deployment.Spec.Template.Metadata.Labels["app.kubernetes.io/name"]
	for what, got := range map[string]string{
		"deployment": deployment.Spec.Selector.MatchLabels["app.kubernetes.io/name"],
		"service":    service.Spec.Selector.Name,
		"budget":     budget.Spec.Selector.MatchLabels["app.kubernetes.io/name"],
		"spread":     p.TopologySpreadConstraints[0].LabelSelector.MatchLabels["app.kubernetes.io/name"],
	} {
		if got != name || name == "" {
			t.Errorf("the %s selects %q, not %q", what, got, name)
		}
	}
}

func TestKubernetesRun(t *testing.T) {
	objects := kubernetesObjects(t, "run.yaml")
	cron := objects["CronJob"].Spec
	p := &cron.JobTemplate.Spec.Template.Spec
	settings := loadMounted(t, p, objects["ConfigMap"])
	checkPod(t, p, settings)
	if c := &p.Containers[0]; c.Args[0] != "run" || p.RestartPolicy != "Never" || cron.ConcurrencyPolicy != "Forbid" {
		t.Errorf("daybook %s, restart %s, concurrency %s", c.Args[0], p.RestartPolicy, cron.ConcurrencyPolicy)
	}
	if cron.TimeZone != settings.Reports[0].Timezone {
		t.Errorf("it runs by the clock of %s, and the report is of %s", cron.TimeZone, settings.Reports[0].Timezone)
	}
	rules := cron.JobTemplate.Spec.PodFailurePolicy.Rules
	if codes := rules[0].OnExitCodes; codes.ContainerName != p.Containers[0].Name || !slices.Equal(codes.Values, []int{2, 3}) {
		t.Errorf("what is final is %v of %s", codes.Values, codes.ContainerName)
	}
	fields := strings.Fields(cron.Schedule)
	checkNight(t, fields[1]+":"+fields[0], cron.TimeZone)
}

// The Jobs of a backfill have one configuration and the same pods. cmd/daybook runs them.
func TestKubernetesBackfill(t *testing.T) {
	var list struct {
		APIVersion string `yaml:"apiVersion"`
		Kind       string `yaml:"kind"`
		Items      []struct {
			APIVersion string            `yaml:"apiVersion"`
			Kind       string            `yaml:"kind"`
			Metadata   metadata          `yaml:"metadata"`
			Data       map[string]string `yaml:"data"`
			Spec       job               `yaml:"spec"`
		} `yaml:"items"`
	}
	text := readFile(t, filepath.Join("examples", "kubernetes", "backfill-indexed-job.yaml"))
	if err := yaml.UnmarshalWithOptions(text, &list, yaml.Strict()); err != nil {
		t.Fatal(err)
	}
	configs := object{Metadata: list.Items[0].Metadata, Data: list.Items[0].Data}
	if list.Kind != "List" || list.Items[0].Kind != "ConfigMap" || len(list.Items) != 4 {
		t.Fatalf("a %s of %d items, and first a %s", list.Kind, len(list.Items), list.Items[0].Kind)
	}
	for _, item := range list.Items[1:] {
		p := &item.Spec.Template.Spec
		checkPod(t, p, loadMounted(t, p, configs))
		if c := p.Containers[0]; p.RestartPolicy != "Never" || c.Args[0] == "worker" != (item.Spec.CompletionMode == "Indexed" && item.Spec.BackoffLimitPerIndex > 0) {
			t.Errorf("%s: restart %s, mode %s, daybook %s", item.Metadata.Name, p.RestartPolicy, item.Spec.CompletionMode, c.Args[0])
		}
		for _, rule := range item.Spec.PodFailurePolicy.Rules {
			if codes := rule.OnExitCodes; rule.Action == "FailJob" && !slices.Equal(codes.Values, []int{2}) {
				t.Errorf("%s: what is final is %v", item.Metadata.Name, codes.Values)
			}
		}
	}
}

// checkNight: every night has this time on its clock, once.
func checkNight(t *testing.T, clock, zone string) {
	t.Helper()
	at, err := time.Parse("15:04", fmt.Sprintf("%05s", clock))
	if err != nil {
		t.Fatal(err)
	}
	location, err := time.LoadLocation(zone)
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string]int{}
	for minute := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC); minute.Year() < 2028; minute = minute.Add(time.Minute) {
		if local := minute.In(location); local.Hour() == at.Hour() && local.Minute() == at.Minute() {
			shown[local.Format(time.DateOnly)]++
		}
	}
	for day := time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC); day.Year() < 2028; day = day.AddDate(0, 0, 1) {
		if n := shown[day.Format(time.DateOnly)]; n != 1 {
			t.Errorf("%s on %s: %d times", clock, day.Format(time.DateOnly), n)
		}
	}
}

// unitSettings are those that the examples use, by section.
var unitSettings = map[string]string{
	"Unit":  "Description Wants After StartLimitIntervalSec StartLimitBurst",
	"Timer": "OnCalendar Persistent RandomizedDelaySec",
	"Service": "Type ExecStart ExecReload Restart RestartSec RestartPreventExitStatus TimeoutStartSec TimeoutStopSec KillMode " +
		"LoadCredential MemoryMax DynamicUser PrivateTmp ProtectSystem ProtectHome PrivateDevices PrivateUsers ProtectClock " +
		"ProtectControlGroups ProtectHostname ProtectKernelLogs ProtectKernelModules ProtectKernelTunables ProtectProc ProcSubset " +
		"RestrictAddressFamilies RestrictNamespaces RestrictRealtime RestrictSUIDSGID LockPersonality MemoryDenyWriteExecute " +
		"NoNewPrivileges CapabilityBoundingSet SystemCallArchitectures SystemCallFilter SystemCallErrorNumber UMask",
	"Install": "WantedBy",
}

// readUnit reads a unit of systemd strictly: the values of each setting, by
// section and name, as in Service.ExecStart.
func readUnit(t *testing.T, name string) map[string][]string {
	t.Helper()
	settings, section := map[string][]string{}, ""
	for i, line := range strings.Split(string(readFile(t, filepath.Join("examples", "systemd", name))), "\n") {
		key, value, isSetting := strings.Cut(line, "=")
		switch {
		case line == "" || strings.HasPrefix(line, "#"):
		case strings.HasPrefix(line, "[") && strings.HasSuffix(line, "]"):
			section = strings.Trim(line, "[]")
			if unitSettings[section] == "" {
				t.Fatalf("%s:%d: there is no section %s", name, i+1, line)
			}
		case !isSetting || !slices.Contains(strings.Fields(unitSettings[section]), key):
			t.Fatalf("%s:%d: %q is no setting of [%s]", name, i+1, line, section)
		default:
			settings[section+"."+key] = append(settings[section+"."+key], value)
		}
	}
	return settings
}

func checkSetting(t *testing.T, unit map[string][]string, name string, want ...string) {
	t.Helper()
	if got := unit[name]; !slices.Equal(got, want) {
		t.Errorf("%s=%q, want %q", name, got, want)
	}
}

func TestSystemd(t *testing.T) {
	defaults := config.Default()
	serve, run, timer := readUnit(t, "daybook.service"), readUnit(t, "daybook-run.service"), readUnit(t, "daybook-run.timer")

	checkSetting(t, serve, "Service.ExecStart", "/usr/local/bin/daybook serve --config /etc/daybook/daybook.yml")
	checkSetting(t, serve, "Service.ExecReload", "/usr/local/bin/daybook config check /etc/daybook/daybook.yml", "/bin/kill -HUP $MAINPID")
	checkSetting(t, serve, "Service.RestartPreventExitStatus", "2")
	stop, err := time.ParseDuration(serve["Service.TimeoutStopSec"][0])
	if err != nil || stop <= time.Duration(defaults.Serve.StopTimeout) {
		t.Errorf("it is killed after %s (%v), and may take %s to stop", stop, err, time.Duration(defaults.Serve.StopTimeout))
	}
	checkSetting(t, run, "Service.Type", "oneshot")
	checkSetting(t, run, "Service.ExecStart", "/usr/local/bin/daybook run --config /etc/daybook/daybook.yml")
	checkSetting(t, run, "Service.RestartPreventExitStatus", "2 3")
	checkSetting(t, timer, "Timer.Persistent", "yes")
	calendar := strings.Fields(timer["Timer.OnCalendar"][0]) // *-*-* 03:30:00 Europe/Amsterdam
	checkNight(t, strings.TrimSuffix(calendar[1], ":00"), calendar[2])

	// Both are locked in the same way.
	for name, value := range serve {
		hardens := strings.HasPrefix(name, "Service.") && !slices.Contains([]string{
			"Service.Type", "Service.ExecStart", "Service.ExecReload", "Service.Restart", "Service.RestartSec",
			"Service.RestartPreventExitStatus", "Service.TimeoutStopSec", "Service.KillMode",
		}, name)
		if hardens && !slices.Equal(run[name], value) {
			t.Errorf("%s=%q in one unit, and %q in the other", name, value, run[name])
		}
	}
	checkSetting(t, serve, "Service.DynamicUser", "yes")
	checkSetting(t, serve, "Service.ProtectSystem", "strict")
	checkSetting(t, serve, "Service.MemoryMax", "2G") // over 1.25 times the default memory_budget of 1 GiB
}
