package haproxy

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSettingsGoWhereTheyBelong(t *testing.T) {
	p := Proxy{
		Section: "writable", Port: 3306, CheckURI: "/primary", Check: map[string]string{"inter": "1s", "on-marked-down": "shutdown-sessions"},
		Servers: []Server{{Name: "m2", Address: "10.0.0.2", Port: 3306, CheckPort: 9200}},
	}
	text := p.Config(map[string]string{"fall": "2", "timeout check": "1s", "balance": "first"})
	require.Contains(t, text, "listen writable\n    bind :3306\n    balance first\n    mode tcp\n    timeout check 1s\n")
	require.Contains(t, text, "default-server fall 2 inter 1s on-marked-down shutdown-sessions\n")
	require.Contains(t, text, "    server m2 10.0.0.2:3306 check port 9200\n")

	text = p.Config(map[string]string{"on-marked-down": "none", "timeout check": "none"})
	require.Contains(t, text, "default-server inter 1s\n", "none leaves a keyword out")
	require.NotContains(t, text, "timeout check")
	require.Equal(t, "shutdown-sessions", p.Check["on-marked-down"], "the proxy itself is as it was")
}

func TestRequestsAreSentInPlaceOfConnections(t *testing.T) {
	p := Proxy{Section: "web", Port: 80, CheckURI: "/healthz", HTTP: true}
	text := p.Config(map[string]string{"timeout server": "9s"})
	require.Contains(t, text, "    mode http\n    option abortonclose\n    timeout check 2s\n    timeout client 5s\n    timeout connect 5s\n    timeout server 9s\n")
	require.NotContains(t, text, "mode tcp")
}

const statsBody = `# pxname,svname,qcur,status,weight,
primary,FRONTEND,,OPEN,,
primary,p1,0,UP,1,
primary,p2,0,DOWN,1,
primary,p3,0,UP 1/3,1,
primary,BACKEND,0,UP,2,
stats,FRONTEND,,OPEN,,
`

func TestHAProxyStatistics(t *testing.T) {
	up, err := parseStats(statsBody, "primary")
	require.NoError(t, err)
	require.Equal(t, []string{"p1", "p3"}, up, "a server on its way down still gets connections")
	_, err = parseStats("", "primary")
	require.Error(t, err)
}
