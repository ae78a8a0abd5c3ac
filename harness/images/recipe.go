package images

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/firedrill/firedrill/harness"
)

// Recipe is an image's Dockerfile as something that root does on a machine: the same packages, the same files, the same
// commands, so that what is drilled on a machine is what is drilled in a container.
type Recipe struct {
	Files  []RecipeFile
	Script string // for /bin/sh, after the files are there
	Env    map[string]string
}

// RecipeFile is put on the machine before the script is run.
type RecipeFile struct {
	Path string
	Mode fs.FileMode
	Data []byte
}

// recipeDir is where the files of a component wait for the command that copies them to their place.
const recipeDir = "/var/lib/firedrill/recipe/"

// ImageOf names the image of a node: applications and processes of ours need only the tools and the agent, a backend is a
// server like those that are drilled, and MySQL Router comes with the server.
func ImageOf(s harness.NodeSpec) string {
	if s.Image != "" {
		return s.Image
	}
	switch s.Component {
	case harness.Application, harness.DNS, harness.Resolver, harness.Web, harness.DNSFailover:
		return Tools
	case harness.Backend, harness.Router:
		return MySQL
	}
	return s.Component
}

// RecipeOf makes the recipe of a component and of all that it is built on. The machine is expected to be a Debian of Suite,
// with its own apt sources. Orchestrator's has the binary of this machine (LocalOrchestrator): its version of an image
// is not taken out of it.
func RecipeOf(component string) (Recipe, error) {
	if !slices.Contains(Names(), component) {
		return Recipe{}, fmt.Errorf("choose recipe: no component is called %q", component)
	}
	var chain []string
	for c := component; c != Base; c = parentOf(c) {
		chain = append(chain, c)
	}
	slices.Reverse(chain)
	r, err := baseRecipe()
	if err != nil {
		return Recipe{}, err
	}
	for _, name := range chain {
		if name == Shim || name == Machine {
			return Recipe{}, fmt.Errorf("%s on a machine that is not a container: %w", name, harness.ErrUnavailable)
		}
		if err := r.add(name); err != nil {
			return Recipe{}, fmt.Errorf("recipe of %s: %w", name, err)
		}
	}
	return *r, nil
}

// baseRecipe is the base without what it takes from the builder's machine: a machine has apt sources of its own.
func baseRecipe() (*Recipe, error) {
	files, err := embeddedContext(Base)
	if err != nil {
		return nil, err
	}
	r := &Recipe{Env: map[string]string{}, Script: "set -eu\nexport DEBIAN_FRONTEND=noninteractive\n"}
	for _, f := range files {
		if name, ok := strings.CutPrefix(f.name, "rootfs/"); ok {
			r.Files = append(r.Files, RecipeFile{"/" + name, f.mode, f.data})
		}
	}
	// A machine that has just booted may be updating its lists.
	r.Files = append(r.Files, RecipeFile{"/etc/apt/apt.conf.d/92firedrill-lock", 0o644, []byte("DPkg::Lock::Timeout \"300\";\n")})
	r.Script += "apt-get update\n"
	return r, nil
}

// add appends a component's Dockerfile.
func (r *Recipe) add(name string) error {
	i := slices.IndexFunc(catalogue, func(c component) bool { return c.name == name })
	files, err := embeddedContext(catalogue[i].folder())
	if err == nil && name == Orchestrator {
		files, err = withOrchestrator(files)
	}
	if err != nil {
		return err
	}
	given := catalogue[i].with
	for _, line := range instructions(files) {
		word, rest, _ := strings.Cut(line, " ")
		switch rest = strings.TrimSpace(rest); word {
		case "FROM", "LABEL", "VOLUME", "STOPSIGNAL", "ENTRYPOINT", "CMD": // of containers
		case "ARG":
			key, value, _ := strings.Cut(rest, "=")
			if v, ok := given[key]; ok {
				value = v
			}
			if key != "BASE" {
				r.Script += "export " + key + "=" + quoteWord(value) + "\n"
			}
		case "ENV":
			for _, pair := range strings.Fields(rest) {
				key, value, _ := strings.Cut(pair, "=")
				r.Env[key] = value
				r.Script += "export " + pair + "\n"
			}
		case "WORKDIR":
			r.Script += "mkdir -p " + rest + "\ncd " + rest + "\n"
		case "RUN":
			r.Script += "/bin/sh -c " + quoteWord(rest) + "\n"
		case "COPY":
			if err := r.copy(name, files, strings.Fields(rest)); err != nil {
				return err
			}
		default:
			return fmt.Errorf("nobody knows what %s is on a machine", word)
		}
	}
	return nil
}

// copy puts the files of a COPY aside, and has the script put them in their place in its turn: an earlier command may make
// the folder, with its owner.
func (r *Recipe) copy(name string, files buildContext, words []string) error {
	to := words[len(words)-1]
	for _, from := range words[:len(words)-1] {
		found := false
		for _, f := range files {
			rel, inside := strings.CutPrefix(f.name, from)
			if f.name != from && !(inside && strings.HasSuffix(from, "/")) {
				continue
			}
			found = true
			place := to
			switch {
			case rel != "": // of a folder
				place = path.Join(to, rel)
			case strings.HasSuffix(to, "/"):
				place = path.Join(to, path.Base(from))
			}
			if err := r.copyFile(recipeDir+name+"/"+f.name, place, f); err != nil {
				return err
			}
		}
		if !found {
			return fmt.Errorf("there is no file %s to copy", from)
		}
	}
	return nil
}

func (r *Recipe) copyFile(aside, place string, f file) error {
	data := f.data
	if f.path != "" {
		var err error
		if data, err = os.ReadFile(f.path); err != nil {
			return fmt.Errorf("read %s: %w", f.name, err)
		}
	}
	r.Files = append(r.Files, RecipeFile{aside, f.mode, data})
	r.Script += "mkdir -p " + path.Dir(place) + "\ncp -p " + aside + " " + place + "\n"
	return nil
}

// instructions are the lines of the Dockerfile, joined where they go on, without comments.
func instructions(files buildContext) []string {
	i := slices.IndexFunc(files, func(f file) bool { return f.name == "Dockerfile" })
	if i < 0 {
		return nil
	}
	var out []string
	open := false
	for line := range strings.Lines(string(files[i].data)) {
		line = strings.TrimRight(line, "\n")
		if text := strings.TrimSpace(line); text == "" || strings.HasPrefix(text, "#") {
			continue
		}
		goesOn := strings.HasSuffix(line, "\\")
		line = strings.TrimSuffix(line, "\\")
		if open {
			out[len(out)-1] += line
		} else {
			out = append(out, line)
		}
		open = goesOn
	}
	return out
}

// quoteWord makes one word for a shell.
func quoteWord(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
