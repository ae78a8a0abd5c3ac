package images

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"path"
	"slices"
	"strings"
)

// Suite is the Debian release that the images are made of.
const Suite = "trixie"

// ErrNoMirror says that the machine's apt sources name no Debian archive that could be used.
var ErrNoMirror = errors.New("no Debian archive (deb, http or https, component main, a Debian suite) in the machine's apt sources")

// debianSuites are names by which an archive is known to be Debian's. Archives carry all current suites side by side, so a
// machine on an older release serves as well.
var debianSuites = []string{"bullseye", "bookworm", "trixie", "forky", "duke", "sid",
	"oldoldstable", "oldstable", "stable", "testing", "unstable"}

// Mirror is the Debian archive that this machine itself installs from.
type Mirror struct {
	URI     string
	Keyring string // path on this machine; "" means apt's own trusted keys
	Trusted bool   // the machine does not check this archive's signature
}

// String leaves out a password that may be in the address.
func (m Mirror) String() string {
	u, err := url.Parse(m.URI)
	if err != nil {
		return "(unreadable address)"
	}
	return u.Redacted()
}

// aptSource is one entry of a sources file.
type aptSource struct {
	binary     bool // deb, not only deb-src
	disabled   bool
	uris       []string
	suites     []string
	components []string
	options    map[string]string // keys in lower case
}

// findMirror reads the apt configuration folder (/etc/apt) and picks the first entry that is the Debian archive.
func findMirror(etcApt fs.FS) (Mirror, error) {
	sources, err := readSources(etcApt)
	if err != nil {
		return Mirror{}, err
	}
	for _, s := range sources {
		if uri, ok := s.debianArchive(); ok {
			return Mirror{
				URI:     uri,
				Keyring: keyringPath(s.options["signed-by"]),
				Trusted: s.options["trusted"] == "yes",
			}, nil
		}
	}
	return Mirror{}, ErrNoMirror
}

// debianArchive returns the entry's address if the Debian archive is there.
func (s aptSource) debianArchive() (string, bool) {
	isDebian := func(suite string) bool { return slices.Contains(debianSuites, suite) }
	if !s.binary || s.disabled || !slices.Contains(s.components, "main") || !slices.ContainsFunc(s.suites, isDebian) {
		return "", false
	}
	for _, uri := range s.uris {
		// Others (cdrom:, file:, mirror+http:) cannot be used from within a container.
		if strings.HasPrefix(uri, "http://") || strings.HasPrefix(uri, "https://") {
			return strings.TrimSuffix(uri, "/"), true
		}
	}
	return "", false
}

// keyringPath takes the first path out of a Signed-By, which may also hold fingerprints or a whole key.
func keyringPath(signedBy string) string {
	for _, field := range strings.FieldsFunc(signedBy, func(r rune) bool { return r == ' ' || r == ',' || r == '\n' }) {
		if path.IsAbs(field) {
			return field
		}
	}
	return ""
}

// readSources reads sources.list and sources.list.d in apt's order.
func readSources(etcApt fs.FS) ([]aptSource, error) {
	lists, err := fs.Glob(etcApt, "sources.list.d/*.list")
	if err != nil {
		return nil, fmt.Errorf("list apt sources: %w", err)
	}
	deb822, err := fs.Glob(etcApt, "sources.list.d/*.sources")
	if err != nil {
		return nil, fmt.Errorf("list apt sources: %w", err)
	}
	var sources []aptSource
	for _, name := range append(append([]string{"sources.list"}, lists...), deb822...) {
		data, err := fs.ReadFile(etcApt, name)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue
		case err != nil:
			return nil, fmt.Errorf("read apt sources: %w", err)
		case strings.HasSuffix(name, ".sources"):
			sources = append(sources, parseDeb822(data)...)
		default:
			sources = append(sources, parseOneLine(data)...)
		}
	}
	return sources, nil
}

// parseOneLine reads the classic format: deb [options] uri suite component...
func parseOneLine(data []byte) []aptSource {
	var sources []aptSource
	for line := range strings.Lines(string(data)) {
		line, _, _ = strings.Cut(line, "#")
		rest, isDeb := strings.CutPrefix(strings.ReplaceAll(strings.TrimSpace(line), "\t", " "), "deb ")
		if !isDeb {
			continue
		}
		options := map[string]string{}
		rest = strings.TrimSpace(rest)
		if strings.HasPrefix(rest, "[") {
			var bracket string
			bracket, rest, _ = strings.Cut(rest[1:], "]")
			for _, option := range strings.Fields(bracket) {
				key, value, _ := strings.Cut(option, "=")
				options[strings.ToLower(key)] = value
			}
		}
		if fields := strings.Fields(rest); len(fields) >= 3 {
			sources = append(sources, aptSource{binary: true, uris: fields[:1], suites: fields[1:2],
				components: fields[2:], options: options})
		}
	}
	return sources
}

// parseDeb822 reads the newer format: stanzas of "Field: value", continued by indented lines.
func parseDeb822(data []byte) []aptSource {
	var sources []aptSource
	fields := map[string]string{}
	flush := func() {
		if len(fields) > 0 {
			sources = append(sources, aptSource{
				binary:     slices.Contains(strings.Fields(fields["types"]), "deb"),
				disabled:   strings.EqualFold(strings.TrimSpace(fields["enabled"]), "no"),
				uris:       strings.Fields(fields["uris"]),
				suites:     strings.Fields(fields["suites"]),
				components: strings.Fields(fields["components"]),
				options:    fields,
			})
		}
		fields = map[string]string{}
	}
	last := ""
	for scan := bufio.NewScanner(bytes.NewReader(data)); scan.Scan(); {
		line := scan.Text()
		switch {
		case strings.TrimSpace(line) == "":
			flush()
		case strings.HasPrefix(line, "#"):
		case line[0] == ' ' || line[0] == '\t':
			fields[last] += "\n" + strings.TrimSpace(line)
		default:
			key, value, _ := strings.Cut(line, ":")
			last = strings.ToLower(strings.TrimSpace(key))
			fields[last] = strings.TrimSpace(value)
		}
	}
	flush()
	return sources
}
