// Package gherkin reads feature files, checks them before anything is stood up, and holds their scenarios as drills
// through godog. Verdicts are ours: godog's own status is green on skips and on an empty selection.
package gherkin

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"sort"
	"strings"
	"testing/fstest"

	"github.com/cucumber/godog"
	messages "github.com/cucumber/messages/go/v21"

	"github.com/firedrill/firedrill/harness"
	"github.com/firedrill/firedrill/scenarios"
	"github.com/firedrill/firedrill/scenarios/steps"
)

// File is a feature file.
type File struct {
	Name    string
	Content []byte
}

// Load reads feature files and folders of them from disk, or, where a path is not there, from the shipped ones. No
// paths mean all that ship.
func Load(shipped fs.FS, paths ...string) ([]File, error) {
	if len(paths) == 0 {
		return walk(shipped, ".")
	}
	var files []File
	for _, p := range paths {
		var found []File
		var err error
		if _, statErr := os.Stat(p); statErr == nil {
			found, err = fromDisk(p)
		} else {
			found, err = walk(shipped, path.Clean(strings.TrimPrefix(filepath.ToSlash(p), "features/")))
		}
		if err != nil || len(found) == 0 {
			return nil, fmt.Errorf("no feature file at %s, neither on disk nor among those that ship (`firedrill list drills`)", p)
		}
		files = append(files, found...)
	}
	return files, nil
}

func fromDisk(p string) ([]File, error) {
	info, err := os.Stat(p)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		data, err := os.ReadFile(p)
		return []File{{Name: filepath.ToSlash(p), Content: data}}, err
	}
	files, err := walk(os.DirFS(p), ".")
	for i := range files {
		files[i].Name = path.Join(filepath.ToSlash(p), files[i].Name)
	}
	return files, err
}

func walk(fsys fs.FS, root string) ([]File, error) {
	var files []File
	err := fs.WalkDir(fsys, root, func(p string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || !strings.HasSuffix(p, ".feature") {
			return err
		}
		data, err := fs.ReadFile(fsys, p)
		files = append(files, File{Name: p, Content: data})
		return err
	})
	return files, err
}

// Drill is a scenario that was selected.
type Drill struct {
	scenarios.Scenario
	File  string
	Steps []string

	key string
}

// Selection is what a run holds.
type Selection struct {
	Files  []File
	Tags   string
	Drills []Drill
}

// tagPart is one piece of godog's tag expressions: @a, ~@a; joined by , (or) and && (and). godog itself panics on an
// empty piece.
var tagPart = regexp.MustCompile(`^~?@[^\s,&~@]+$`)

// CheckTags refuses a tag expression that could not be read.
func CheckTags(expr string) error {
	if strings.TrimSpace(expr) == "" {
		return nil
	}
	for _, and := range strings.Split(expr, "&&") {
		for _, or := range strings.Split(and, ",") {
			if !tagPart.MatchString(strings.TrimSpace(or)) {
				return fmt.Errorf("--tags %q: write @smoke, ~@slow (not), @a,@b (or), @a && @b (and)", expr)
			}
		}
	}
	return nil
}

// Select parses the files and picks the scenarios that the tags name. Shard i of n (from 1) takes every n-th one;
// 0 of 0 takes all.
func Select(files []File, tags string, shard, shards int) (Selection, error) {
	sel := Selection{Files: files, Tags: tags}
	if err := CheckTags(tags); err != nil {
		return sel, err
	}
	fsys, paths := library(files)
	if len(paths) == 0 {
		return sel, nil // godog would look for a folder of its own
	}
	suite := godog.TestSuite{Options: &godog.Options{Tags: tags, FS: fsys, Paths: paths}}
	parsed, err := suite.RetrieveFeatures()
	if err != nil {
		return sel, fmt.Errorf("read features: %s", strings.Join(strings.Fields(err.Error()), " "))
	}
	asGiven := map[string]string{}
	for _, f := range files {
		asGiven[inLibrary(f.Name)] = f.Name
	}
	seen := map[string]int{}
	n := 0
	for _, f := range parsed {
		for _, p := range f.Pickles {
			n++
			if shards > 0 && (n-1)%shards != shard-1 {
				continue
			}
			d := drillOf(asGiven[f.Uri], f.Feature.Name, p)
			if seen[d.ID]++; seen[d.ID] > 1 {
				d.ID = fmt.Sprintf("%s-%d", d.ID, seen[d.ID])
			}
			sel.Drills = append(sel.Drills, d)
		}
	}
	return sel, nil
}

// inLibrary is a file's name as an fs.FS wants it.
func inLibrary(name string) string {
	return path.Clean(strings.TrimLeft(strings.ReplaceAll(name, "../", ""), "/"))
}

// library lays the files out for godog, wherever they came from: parsed twice in the same order, they give the same
// ids, by which the scenarios that were selected are found again.
func library(files []File) (fs.FS, []string) {
	fsys, paths := fstest.MapFS{}, []string{}
	for _, f := range files {
		name := inLibrary(f.Name)
		fsys[name] = &fstest.MapFile{Data: f.Content}
		paths = append(paths, name)
	}
	return fsys, paths
}

func drillOf(file, feature string, p *messages.Pickle) Drill {
	d := Drill{File: file, key: keyOf(p)}
	d.Feature, d.Name = feature, p.Name
	base := strings.TrimSuffix(path.Base(file), ".feature")
	d.ID = slug(path.Base(path.Dir(file)) + "-" + base + "-" + p.Name)
	for _, t := range p.Tags {
		d.Tags = append(d.Tags, t.Name)
	}
	for _, s := range p.Steps {
		d.Steps = append(d.Steps, s.Text)
		var table *godog.Table
		if s.Argument != nil {
			table = s.Argument.DataTable
		}
		d.Steps = append(d.Steps, steps.Inner(s.Text, table)...)
		if m := topologyStep.FindStringSubmatch(s.Text); m != nil {
			d.Topology = m[1]
		}
	}
	return d
}

// topologyStep is how a scenario says what it needs, known before it is held.
var topologyStep = regexp.MustCompile(`^the topology "([^"]+)"$`)

// keyOf names a pickle across two parses of the same files.
func keyOf(p *messages.Pickle) string { return p.Uri + "|" + strings.Join(p.AstNodeIds, "|") }

// idLength keeps container names and paths short.
const idLength = 72

var notWord = regexp.MustCompile(`[^a-z0-9]+`)

func slug(s string) string {
	s = strings.Trim(notWord.ReplaceAllString(strings.ToLower(s), "-"), "-")
	if len(s) > idLength {
		s = strings.Trim(s[:idLength], "-")
	}
	return s
}

// Check finds what would go wrong before anything is stood up: steps that are not in the vocabulary, topologies that
// do not exist, scenarios that promise nothing.
func Check(sel Selection, catalogue harness.Catalogue) error {
	var errs []error
	for _, d := range sel.Drills {
		where := fmt.Sprintf("%s: %q", d.File, d.Name)
		if d.Topology == "" {
			errs = append(errs, fmt.Errorf("%s: no topology is given: begin with `Given the topology \"NAME\"`", where))
		} else if _, err := catalogue.Find(d.Topology); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", where, err))
		}
		for _, s := range d.Steps {
			switch forms := steps.Match(s); {
			case len(forms) > 1:
				errs = append(errs, fmt.Errorf("%s: the step %q can be read as %q and as %q", where, s, forms[0].Form, forms[1].Form))
			case len(forms) == 0:
				errs = append(errs, fmt.Errorf("%s: line %d: there is no step %q%s (`firedrill list steps` shows all)", where, sel.line(d.File, s), s, near(s)))
			}
		}
	}
	return errors.Join(errs...)
}

// line finds the first line of a file that holds a step's text; steps of an outline stand there with placeholders.
func (s Selection) line(file, text string) int {
	for _, f := range s.Files {
		if f.Name != file {
			continue
		}
		for i, l := range bytes.Split(f.Content, []byte("\n")) {
			if bytes.Contains(l, []byte(text)) {
				return i + 1
			}
		}
	}
	return 0
}

// near suggests the form that shares the most words.
func near(text string) string {
	words := strings.Fields(text)
	type candidate struct {
		form  string
		share int
	}
	var best []candidate
	for _, f := range steps.All() {
		c := candidate{form: f.Form}
		for _, w := range words {
			if strings.Contains(f.Form, w) {
				c.share++
			}
		}
		best = append(best, c)
	}
	sort.SliceStable(best, func(i, j int) bool { return best[i].share > best[j].share })
	if best[0].share*2 < len(words) {
		return ""
	}
	return "; the nearest is: " + best[0].form
}
