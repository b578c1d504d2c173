package executor

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
)

// kind is the kind of a JSON value.
type kind uint8

const (
	null kind = iota
	boolean
	number
	text
	list
	object
)

// value is a node of the tree that a response is written from.
type value struct {
	kind    kind
	missing bool     // a null of an entity that its subgraph does not have
	raw     []byte   // of a scalar, as in the subgraph's body
	members []member // of an object; of a list, without names
	about   *faults  // errors about the value, nil when there are none
}

type faults struct{ list []*fault }

// faults returns the errors about the value.
func (v *value) faults() []*fault {
	if v.about == nil {
		return nil
	}
	return v.about.list
}

// blame adds errors about the value.
func (v *value) blame(list ...*fault) {
	if len(list) > 0 {
		v.about = &faults{append(slices.Clip(v.faults()), list...)}
	}
}

// member is a field of an object, or an item of a list. Objects are small: lookups compare names one by one.
type member struct {
	name  []byte
	value *value
}

// get returns the first member of an object with a name, nil when there is none.
func (v *value) get(name string) *value {
	for i := range v.members {
		if string(v.members[i].name) == name {
			return v.members[i].value
		}
	}
	return nil
}

// near is get for a member that is probably at an index.
func (v *value) near(name string, index int) *value {
	if index < len(v.members) && string(v.members[index].name) == name {
		return v.members[index].value
	}
	return v.get(name)
}

// set adds or replaces a member of an object.
func (v *value) set(name []byte, to *value) {
	for i := range v.members {
		if bytes.Equal(v.members[i].name, name) {
			v.members[i].value = to
			return
		}
	}
	v.members = append(v.members, member{name, to})
}

// string returns the text of a string without escapes.
func (v *value) string() string {
	if v.kind != text {
		return ""
	}
	return string(unquoted(v.raw))
}

// unquoted returns the text of a JSON string.
func unquoted(raw []byte) []byte {
	inner := raw[1 : len(raw)-1]
	if bytes.IndexByte(inner, '\\') < 0 {
		return inner
	}
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return inner
	}
	return []byte(s)
}

const (
	firstChunk = 64
	lastChunk  = 8192
	maxDepth   = 512 // of nested lists and objects
)

// arena allocates values in chunks. The zero arena is ready for use.
type arena struct {
	values  []value
	members []member
	parsing []member // of the objects and lists that a parser has not completed
}

func (a *arena) new(k kind) *value {
	if len(a.values) == cap(a.values) {
		a.values = make([]value, 0, min(max(2*cap(a.values), firstChunk), lastChunk))
	}
	a.values = a.values[:len(a.values)+1]
	v := &a.values[len(a.values)-1]
	v.kind = k
	return v
}

// keep returns a copy of members that belongs to the arena.
func (a *arena) keep(from []member) []member {
	if len(from) > cap(a.members)-len(a.members) {
		a.members = make([]member, 0, max(min(max(2*cap(a.members), firstChunk), lastChunk), len(from)))
	}
	begin := len(a.members)
	a.members = append(a.members, from...)
	return a.members[begin:len(a.members):len(a.members)]
}

// reset makes the arena ready for other values. Earlier ones must not be used any more.
func (a *arena) reset() {
	clear(a.values)
	clear(a.members)
	clear(a.parsing[:cap(a.parsing)])
	a.values, a.members = a.values[:0], a.members[:0]
	if cap(a.members) > lastChunk {
		a.members = nil
	}
	if cap(a.parsing) > lastChunk {
		a.parsing = nil
	}
}

// clone copies lists and objects, which later fetches may add to. Scalars are shared.
func (a *arena) clone(v *value) *value {
	switch v.kind {
	case list, object:
		c := a.new(v.kind)
		c.about, c.members = v.about, a.keep(v.members)
		for i, m := range c.members {
			c.members[i].value = a.clone(m.value)
		}
		return c
	case null:
		c := a.new(null)
		*c = *v
		return c
	}
	return v
}

var errJSON = errors.New("invalid JSON")

// parser parses JSON (RFC 8259) into an arena. Values are slices of the text.
type parser struct {
	arena *arena
	text  []byte
	at    int
	depth int
}

// parse returns the value of a text.
func (a *arena) parse(body []byte) (*value, error) {
	a.parsing = a.parsing[:0]
	p := parser{arena: a, text: body}
	v, err := p.value()
	if err != nil {
		return nil, err
	}
	if p.space(); p.at < len(p.text) {
		return nil, errJSON
	}
	return v, nil
}

func (p *parser) space() {
	for p.at < len(p.text) {
		switch p.text[p.at] {
		case ' ', '\t', '\n', '\r':
			p.at++
		default:
			return
		}
	}
}

// next skips space and returns the next byte, 0 at the end.
func (p *parser) next() byte {
	p.space()
	if p.at == len(p.text) {
		return 0
	}
	return p.text[p.at]
}

func (p *parser) value() (*value, error) {
	switch c := p.next(); {
	case c == '{' || c == '[':
		return p.nested(c)
	case c == '"':
		raw, err := p.string()
		return p.scalar(text, raw), err
	case c == 't':
		return p.word(boolean, "true")
	case c == 'f':
		return p.word(boolean, "false")
	case c == 'n':
		return p.word(null, "null")
	case c == '-' || '0' <= c && c <= '9':
		raw, err := p.number()
		return p.scalar(number, raw), err
	}
	return nil, errJSON
}

func (p *parser) scalar(k kind, raw []byte) *value {
	v := p.arena.new(k)
	v.raw = raw
	return v
}

func (p *parser) word(k kind, word string) (*value, error) {
	if !bytes.HasPrefix(p.text[p.at:], []byte(word)) {
		return nil, errJSON
	}
	raw := p.text[p.at : p.at+len(word)]
	p.at += len(word)
	return p.scalar(k, raw), nil
}

func (p *parser) nested(open byte) (v *value, err error) {
	if p.depth++; p.depth > maxDepth {
		return nil, errJSON
	}
	p.at++
	if open == '{' {
		v, err = p.object()
	} else {
		v, err = p.list()
	}
	p.depth--
	return v, err
}

func (p *parser) object() (*value, error) {
	v := p.arena.new(object)
	begin := len(p.arena.parsing)
	if p.next() == '}' {
		p.at++
		return v, nil
	}
	for {
		if p.next() != '"' {
			return nil, errJSON
		}
		name, err := p.string()
		if err != nil {
			return nil, err
		}
		if p.next() != ':' {
			return nil, errJSON
		}
		p.at++
		inner, err := p.value()
		if err != nil {
			return nil, err
		}
		p.arena.parsing = append(p.arena.parsing, member{unquoted(name), inner})
		switch p.next() {
		case ',':
			p.at++
		case '}':
			p.at++
			v.members = p.arena.keep(p.arena.parsing[begin:])
			p.arena.parsing = p.arena.parsing[:begin]
			return v, nil
		default:
			return nil, errJSON
		}
	}
}

func (p *parser) list() (*value, error) {
	v := p.arena.new(list)
	begin := len(p.arena.parsing)
	if p.next() == ']' {
		p.at++
		return v, nil
	}
	for {
		item, err := p.value()
		if err != nil {
			return nil, err
		}
		p.arena.parsing = append(p.arena.parsing, member{value: item})
		switch p.next() {
		case ',':
			p.at++
		case ']':
			p.at++
			v.members = p.arena.keep(p.arena.parsing[begin:])
			p.arena.parsing = p.arena.parsing[:begin]
			return v, nil
		default:
			return nil, errJSON
		}
	}
}

// string returns a string with its quotes.
func (p *parser) string() ([]byte, error) {
	begin := p.at
	for i := p.at + 1; i < len(p.text); i++ {
		switch c := p.text[i]; {
		case c == '"':
			p.at = i + 1
			return p.text[begin:p.at], nil
		case c < 0x20:
			return nil, errJSON
		case c == '\\':
			n := escape(p.text[i:])
			if n == 0 {
				return nil, errJSON
			}
			i += n - 1
		}
	}
	return nil, errJSON
}

// escape returns the length of an escape sequence, 0 when it is invalid.
func escape(s []byte) int {
	if len(s) < 2 {
		return 0
	}
	switch s[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		if len(s) < 6 {
			return 0
		}
		for _, c := range s[2:6] {
			if strings.IndexByte("0123456789abcdefABCDEF", c) < 0 {
				return 0
			}
		}
		return 6
	}
	return 0
}

func (p *parser) digits() bool {
	begin := p.at
	for p.at < len(p.text) && '0' <= p.text[p.at] && p.text[p.at] <= '9' {
		p.at++
	}
	return p.at > begin
}

// skip skips one of the bytes, if it is next.
func (p *parser) skip(one string) bool {
	if p.at < len(p.text) && strings.IndexByte(one, p.text[p.at]) >= 0 {
		p.at++
		return true
	}
	return false
}

func (p *parser) number() ([]byte, error) {
	begin := p.at
	p.skip("-")
	if !p.skip("0") && !p.digits() {
		return nil, errJSON
	}
	if p.skip(".") && !p.digits() {
		return nil, errJSON
	}
	if p.skip("eE") {
		p.skip("+-")
		if !p.digits() {
			return nil, errJSON
		}
	}
	return p.text[begin:p.at], nil
}
