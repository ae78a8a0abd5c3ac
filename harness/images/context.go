package images

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// file is one file of a build context: either its bytes or where it lies on this machine.
type file struct {
	name string
	mode fs.FileMode
	data []byte
	path string
}

func (f file) open() (io.ReadCloser, int64, error) {
	if f.path == "" {
		return io.NopCloser(bytes.NewReader(f.data)), int64(len(f.data)), nil
	}
	r, err := os.Open(f.path)
	if err != nil {
		return nil, 0, err
	}
	info, err := r.Stat()
	if err != nil {
		r.Close()
		return nil, 0, err
	}
	return r, info.Size(), nil
}

// buildContext is what is sent to the engine: the Dockerfile and what it copies.
type buildContext []file

// embeddedContext is the context of a component as it is compiled in.
func embeddedContext(dir string) (buildContext, error) {
	root, err := fs.Sub(dockerfiles, path.Join("dockerfiles", dir))
	if err != nil {
		return nil, fmt.Errorf("open build context %s: %w", dir, err)
	}
	var files buildContext
	err = fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := fs.ReadFile(root, name)
		mode := fs.FileMode(0o644)
		// Embedding loses the mode.
		if bytes.HasPrefix(data, []byte("#!")) {
			mode = 0o755
		}
		files = append(files, file{name: name, mode: mode, data: data})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read build context %s: %w", dir, err)
	}
	return files, nil
}

// addFolder adds the files below a folder of this machine under name.
func (c buildContext) addFolder(name, folder string) (buildContext, error) {
	err := filepath.WalkDir(folder, func(p string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		rel, err := filepath.Rel(folder, p)
		c = append(c, file{name: path.Join(name, filepath.ToSlash(rel)), mode: 0o644, path: p})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read folder %s: %w", folder, err)
	}
	return c, nil
}

// sorted makes hash and tar independent of the order in which files were added.
func (c buildContext) sorted() buildContext {
	return slices.SortedFunc(slices.Values(c), func(a, b file) int { return strings.Compare(a.name, b.name) })
}

// digest is the first 12 hex digits over the files and everything else that decides what the image will be.
func (c buildContext) digest(inputs ...string) (string, error) {
	h := sha256.New()
	for _, in := range inputs {
		fmt.Fprintf(h, "%d:%s\n", len(in), in)
	}
	for _, f := range c.sorted() {
		r, size, err := f.open()
		if err != nil {
			return "", fmt.Errorf("hash build context: %w", err)
		}
		fmt.Fprintf(h, "%s %o %d\n", f.name, f.mode, size)
		_, err = io.Copy(h, r)
		r.Close()
		if err != nil {
			return "", fmt.Errorf("hash %s: %w", f.name, err)
		}
	}
	return hex.EncodeToString(h.Sum(nil))[:12], nil
}

// writeTar writes the context as the engine wants it. Times are left zero: the engine's cache must not see them.
func (c buildContext) writeTar(w io.Writer) error {
	t := tar.NewWriter(w)
	for _, f := range c.sorted() {
		r, size, err := f.open()
		if err != nil {
			return fmt.Errorf("pack build context: %w", err)
		}
		err = t.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: f.name, Mode: int64(f.mode), Size: size})
		if err == nil {
			_, err = io.Copy(t, r)
		}
		r.Close()
		if err != nil {
			return fmt.Errorf("pack %s: %w", f.name, err)
		}
	}
	if err := t.Close(); err != nil {
		return fmt.Errorf("close build context: %w", err)
	}
	return nil
}
