package linode

import (
	"fmt"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/firedrill/firedrill/harness"
)

// maxUserData is what the Metadata service takes, in bytes.
const maxUserData = 16384

// outsideScript writes names into the system's own list, which is asked before any name server.
const outsideScript = `nowhere=$1; shift; for name; do grep -qw "$name" /etc/hosts || echo "$nowhere $name" >> /etc/hosts; done`

// cloudConfig is what a machine is told at its first boot: its host key, so that we know it from the first packet; no
// log-in by password; to find nobody at harness.Outside; and to power itself off at the deadline, which a reboot does not make
// it forget. The last is for the drill's sake and not the bill's: a machine that is off still costs.
func cloudConfig(host key, until time.Time) ([]byte, error) {
	private, err := host.file()
	if err != nil {
		return nil, err
	}
	text, err := yaml.Marshal(map[string]any{
		"ssh_deletekeys": true,
		"ssh_keys":       map[string]string{"ed25519_private": private, "ed25519_public": host.authorized()},
		"ssh_pwauth":     false,
		"disable_root":   false,
		"package_update": false,
		"write_files": []map[string]string{
			{"path": "/etc/systemd/system/firedrill-deadline.service", "content": "[Service]\nExecStart=/usr/bin/systemctl poweroff\n"},
			{"path": "/etc/systemd/system/firedrill-deadline.timer", "content": "[Timer]\nOnCalendar=" + until.UTC().Format("2006-01-02 15:04:05") +
				" UTC\n\n[Install]\nWantedBy=timers.target\n"},
		},
		"runcmd": [][]string{{"systemctl", "daemon-reload"}, {"systemctl", "enable", "--now", "firedrill-deadline.timer"}},
		// At every boot: a system may write the file anew.
		"manage_etc_hosts": false,
		"bootcmd":          [][]string{append([]string{"sh", "-c", outsideScript, "outside", harness.Nowhere}, harness.Outside...)},
	})
	if err != nil {
		return nil, fmt.Errorf("write user data: %w", err)
	}
	data := []byte("#cloud-config\n" + string(text))
	if len(data) > maxUserData {
		return nil, fmt.Errorf("user data of %d bytes: the limit is %d", len(data), maxUserData)
	}
	return data, nil
}

// quote makes one word for a shell.
func quote(word string) string { return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'" }
