package node

import "sync"

// layers are what several faults have laid over the same thing (a file, a switch) at once. The last one shows; when it
// is lifted, in whatever order, the one below shows again, and at last the bare thing.
type layers struct {
	mu   sync.Mutex
	over map[string][]*layer
}

type layer struct{ show func() error }

func newLayers() *layers { return &layers{over: map[string][]*layer{}} }

// put shows a layer. After an error it is there all the same, for lift to take it off.
func (l *layers) put(thing string, x *layer) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.over[thing] = append(l.over[thing], x)
	return x.show()
}

// lift takes a layer off and shows what is below it: another layer, or the thing itself, by bare. It is idempotent.
func (l *layers) lift(thing string, x *layer, bare func() error) (last bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var left []*layer
	for _, other := range l.over[thing] {
		if other != x {
			left = append(left, other)
		}
	}
	if len(left) > 0 {
		l.over[thing] = left
		return false, left[len(left)-1].show()
	}
	if err := bare(); err != nil {
		return true, err
	}
	delete(l.over, thing)
	return true, nil
}
