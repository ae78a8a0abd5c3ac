package images

import (
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

func TestFindMirror(t *testing.T) {
	for _, tt := range []struct {
		name  string
		files map[string]string
		want  Mirror
	}{
		{
			name: "one line, others before it",
			files: map[string]string{"sources.list": `
# deb http://comment.example/debian trixie main
deb-src http://src.example/debian trixie main
deb http://security.example/debian-security trixie-security main
deb http://vendor.example/apt stable contrib
deb	cdrom:[Debian]/ trixie main
deb http://mirror.example/debian/ trixie main contrib # ours
deb http://second.example/debian trixie main`},
			want: Mirror{URI: "http://mirror.example/debian"},
		},
		{
			name: "one line with options",
			files: map[string]string{"sources.list.d/site.list": "deb [ arch=amd64 Signed-By=/usr/share/keyrings/site.gpg trusted=yes ] " +
				"https://mirror.example/debian bookworm main\n"},
			want: Mirror{URI: "https://mirror.example/debian", Keyring: "/usr/share/keyrings/site.gpg", Trusted: true},
		},
		{
			name: "stanzas",
			files: map[string]string{"sources.list.d/debian.sources": `Types: deb
# http://comment.example/archive
URIs: http://security.example/debian-security
Suites: bookworm-security
Components: main

Types: deb
Enabled: no
URIs: http://off.example/debian
Suites: bookworm
Components: main

Types: deb deb-src
URIs: http://mirror.example/debian
Suites: bookworm
 bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
`},
			want: Mirror{URI: "http://mirror.example/debian", Keyring: "/usr/share/keyrings/debian-archive-keyring.gpg"},
		},
		{
			name: "a key in the stanza is no path",
			files: map[string]string{"sources.list.d/debian.sources": `Types: deb
URIs: mirror+http://list.example/debian http://mirror.example/debian
Suites: sid
Components: main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 mQINBGPL0BUBEADmW5NdOOHwPIJlgPu6JDcKw/NZJPR8lsD3K87ZMegXF1zGpVYt`},
			want: Mirror{URI: "http://mirror.example/debian"},
		},
		{
			name: "disabled by its name",
			files: map[string]string{
				"sources.list.d/old.sources.disabled": "Types: deb\nURIs: http://old.example/debian\nSuites: sid\nComponents: main\n",
				"sources.list.d/new.list":             "deb\thttp://mirror.example/debian sid\tmain\n",
			},
			want: Mirror{URI: "http://mirror.example/debian"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			etc := fstest.MapFS{}
			for name, text := range tt.files {
				etc[name] = &fstest.MapFile{Data: []byte(text)}
			}
			got, err := findMirror(etc)
			require.NoError(t, err)
			require.Equal(t, tt.want, got)
		})
	}
}

func TestNoMirror(t *testing.T) {
	for name, line := range map[string]string{
		"nothing":        "",
		"another system": "deb http://mirror.example/ubuntu noble main\n",
		"only security":  "deb http://mirror.example/debian-security trixie-security main\n",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := findMirror(fstest.MapFS{"sources.list": {Data: []byte(line)}})
			require.ErrorIs(t, err, ErrNoMirror)
		})
	}
}

func TestMirrorHidesItsPassword(t *testing.T) {
	m := Mirror{URI: "https://user:hunter2@mirror.example/debian"}
	require.NotContains(t, m.String(), "hunter2")
	require.Contains(t, m.String(), "mirror.example")
}
