package simulator

import (
	"net/url"
	"slices"
	"strings"
)

// form holds the parameters of a request: nested ones are written a[b]=1, lists a[]=1 or a[0]=1. Like Stripe, endpoints
// reject parameters that they do not read.
type form struct {
	values map[string]string            // plain ones
	lists  map[string][]string          // in the order of their indexes
	hashes map[string]map[string]string // nested ones, one level deep
	read   map[string]bool
}

// parseForm parses an encoded form. It rejects a parameter that is given twice or in two shapes.
func parseForm(encoded string) (*form, error) {
	raw, err := url.ParseQuery(encoded)
	if err != nil {
		return nil, apiError{Type: invalidRequest, Message: "The request's form is malformed."}
	}
	f := &form{
		values: map[string]string{}, lists: map[string][]string{}, hashes: map[string]map[string]string{},
		read: map[string]bool{},
	}
	names := make([]string, 0, len(raw))
	for name := range raw {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int { // so that a[2] comes before a[10]
		if len(a) != len(b) {
			return len(a) - len(b)
		}
		return strings.Compare(a, b)
	})
	for _, name := range names {
		base, inner, ok := split(name)
		switch {
		case !ok || base == "":
			return nil, invalid(name, "Invalid parameter name.")
		case inner == nil:
			if len(raw[name]) > 1 {
				return nil, invalid(name, "This parameter was given twice.")
			}
			f.values[base] = raw[name][0]
		case isIndex(*inner):
			f.lists[base] = append(f.lists[base], raw[name]...)
		default:
			if len(raw[name]) > 1 {
				return nil, invalid(name, "This parameter was given twice.")
			}
			if f.hashes[base] == nil {
				f.hashes[base] = map[string]string{}
			}
			f.hashes[base][*inner] = raw[name][0]
		}
	}
	for _, name := range names {
		base, _, _ := split(name)
		_, value := f.values[base]
		_, list := f.lists[base]
		_, hash := f.hashes[base]
		if value && list || value && hash || list && hash {
			return nil, invalid(base, "This parameter was given in two shapes.")
		}
	}
	return f, nil
}

// split splits a[b] into a and b. inner is nil if there are no brackets.
func split(name string) (base string, inner *string, ok bool) {
	base, rest, nested := strings.Cut(name, "[")
	if !nested {
		return base, nil, !strings.Contains(base, "]")
	}
	key, closed := strings.CutSuffix(rest, "]")
	return base, &key, closed && !strings.ContainsAny(key, "[]")
}

func isIndex(s string) bool { return strings.Trim(s, "0123456789") == "" }

func (f *form) value(name string) string {
	f.read[name] = true
	return f.values[name]
}

func (f *form) list(name string) []string {
	f.read[name] = true
	return f.lists[name]
}

func (f *form) hash(name string) map[string]string {
	f.read[name] = true
	if f.hashes[name] == nil {
		return map[string]string{}
	}
	return f.hashes[name]
}

// rejectUnread returns an error if the form has a parameter that was not read.
func (f *form) rejectUnread() error {
	var left []string
	for name := range f.values {
		left = append(left, name)
	}
	for name := range f.lists {
		left = append(left, name)
	}
	for name := range f.hashes {
		left = append(left, name)
	}
	slices.Sort(left)
	for _, name := range left {
		if !f.read[name] {
			message := "Received unknown parameter: " + name
			return apiError{Type: invalidRequest, Code: "parameter_unknown", Param: name, Message: message}
		}
	}
	return nil
}
