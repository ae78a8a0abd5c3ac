package standin

import (
	"cmp"
	"encoding/json"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// page is a list as the API gives it.
type page struct {
	Data    []any `json:"data"`
	Page    int   `json:"page"`
	Pages   int   `json:"pages"`
	Results int   `json:"results"`
}

const (
	defaultPageSize = 100
	minPageSize     = 25
	maxPageSize     = 500
)

// list gives the page of the objects that the request asks for, filtered and ordered by its X-Filter.
func list[T any](r *http.Request, objects []T) (any, error) {
	kept, err := applyFilter(r.Header.Get("X-Filter"), objects)
	if err != nil {
		return nil, err
	}
	number, err := queryInt(r, "page", 1, 1, 1<<30)
	if err != nil {
		return nil, err
	}
	size, err := queryInt(r, "page_size", defaultPageSize, minPageSize, maxPageSize)
	if err != nil {
		return nil, err
	}
	p := page{Data: []any{}, Page: number, Pages: max(1, (len(kept)+size-1)/size), Results: len(kept)}
	if number > p.Pages {
		return nil, errNotFound
	}
	for _, object := range kept[(number-1)*size : min(number*size, len(kept))] {
		p.Data = append(p.Data, object)
	}
	return p, nil
}

func queryInt(r *http.Request, key string, otherwise, low, high int) (int, error) {
	text := r.URL.Query().Get(key)
	if text == "" {
		return otherwise, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < low || n > high {
		return 0, invalid(key, "Must be %d-%d", low, high)
	}
	return n, nil
}

// applyFilter keeps the objects that the filter matches, in its order. Every key of an object can be filtered on,
// nested ones with dots ("entity.id"); the API allows fewer, which of them is not known to us.
func applyFilter[T any](text string, objects []T) ([]T, error) {
	if strings.TrimSpace(text) == "" {
		return objects, nil
	}
	var f map[string]any
	if err := json.Unmarshal([]byte(text), &f); err != nil {
		return nil, invalid("X-Filter", "Cannot decode the filter as JSON")
	}
	var zero T
	if t := reflect.TypeFor[T](); t.Kind() == reflect.Pointer {
		zero = reflect.New(t.Elem()).Interface().(T)
	}
	order, _ := f["+order_by"].(string)
	direction, _ := f["+order"].(string)
	delete(f, "+order_by")
	delete(f, "+order")
	if err := checkFilter(f, asMap(zero), order, direction); err != nil {
		return nil, err
	}
	var kept []T
	for _, object := range objects {
		if matches(f, asMap(object)) {
			kept = append(kept, object)
		}
	}
	if order != "" {
		slices.SortStableFunc(kept, func(a, b T) int {
			n := compare(dotted(asMap(a), order), dotted(asMap(b), order))
			if direction == "desc" {
				return -n
			}
			return n
		})
	}
	return kept, nil
}

// checkFilter refuses what could never match, before any object is looked at: an empty list must not hide a typing error.
func checkFilter(f, keys map[string]any, order, direction string) error {
	if order != "" && !has(keys, order) {
		return invalid("X-Filter", "Cannot order by %s", order)
	}
	if direction != "" && direction != "asc" && direction != "desc" {
		return invalid("X-Filter", "+order must be asc or desc")
	}
	for key, want := range f {
		switch operators, nested := want.(map[string]any); {
		case key == "+and" || key == "+or":
			parts, ok := want.([]any)
			if !ok {
				return invalid("X-Filter", "%s must be a list", key)
			}
			for _, part := range parts {
				sub, ok := part.(map[string]any)
				if !ok {
					return invalid("X-Filter", "%s must be a list of objects", key)
				}
				if err := checkFilter(sub, keys, "", ""); err != nil {
					return err
				}
			}
		case !has(keys, key):
			return invalid("X-Filter", "Cannot filter on %s", key)
		case nested:
			for op := range operators {
				if _, ok := comparisons[op]; !ok {
					return invalid("X-Filter", "%s is not an operator", op)
				}
			}
		}
	}
	return nil
}

// matches says whether every condition of the filter holds for the object.
func matches(f, object map[string]any) bool {
	holds := func(part any) bool { return matches(part.(map[string]any), object) }
	for key, want := range f {
		var ok bool
		operators, nested := want.(map[string]any)
		switch {
		case key == "+and":
			ok = !slices.ContainsFunc(want.([]any), func(part any) bool { return !holds(part) })
		case key == "+or":
			ok = slices.ContainsFunc(want.([]any), holds)
		case nested:
			ok = true
			for op, operand := range operators {
				ok = ok && comparisons[op](dotted(object, key), operand)
			}
		default:
			ok = equal(dotted(object, key), want)
		}
		if !ok {
			return false
		}
	}
	return true
}

var comparisons = map[string]func(have, want any) bool{
	"+gt":  func(have, want any) bool { return compare(have, want) > 0 },
	"+gte": func(have, want any) bool { return compare(have, want) >= 0 },
	"+lt":  func(have, want any) bool { return compare(have, want) < 0 },
	"+lte": func(have, want any) bool { return compare(have, want) <= 0 },
	"+neq": func(have, want any) bool { return !equal(have, want) },
	"+contains": func(have, want any) bool {
		part, ok := want.(string)
		text, isText := have.(string)
		return ok && isText && strings.Contains(text, part)
	},
}

// equal compares two decoded JSON values. A list (of tags) equals a value that it holds.
func equal(have, want any) bool {
	if items, ok := have.([]any); ok {
		if slices.ContainsFunc(items, func(item any) bool { return equal(item, want) }) {
			return true
		}
	}
	return reflect.DeepEqual(have, want)
}

// compare orders numbers and texts; anything else is equal.
func compare(a, b any) int {
	if x, ok := a.(float64); ok {
		if y, ok := b.(float64); ok {
			return cmp.Compare(x, y)
		}
	}
	x, _ := a.(string)
	y, _ := b.(string)
	return cmp.Compare(x, y)
}

// dotted gives the value under a key, whose dots lead into nested objects.
func dotted(object map[string]any, key string) any {
	first, rest, nested := strings.Cut(key, ".")
	if !nested {
		return object[first]
	}
	inner, _ := object[first].(map[string]any)
	return dotted(inner, rest)
}

// has says whether objects have this key. Of a nested one only its first part is known when there is no object.
func has(keys map[string]any, key string) bool {
	first, _, _ := strings.Cut(key, ".")
	_, ok := keys[first]
	return ok
}
