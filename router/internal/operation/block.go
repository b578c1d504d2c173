package operation

import (
	"strings"
)

// withoutBlockStrings replaces block strings by quoted ones, because the parser counts the indentation of their first
// line, which the GraphQL specification does not (section "Block Strings"). Lines keep their numbers.
func withoutBlockStrings(text string) string {
	if !strings.Contains(text, `"""`) {
		return text
	}
	var b strings.Builder
	for len(text) > 0 {
		switch {
		case strings.HasPrefix(text, `"""`):
			end := blockEnd(text)
			if end < 0 {
				b.WriteString(text) // the parser reports it
				return b.String()
			}
			raw := strings.ReplaceAll(text[3:end], `\"""`, `"""`)
			b.WriteString(quoted(blockValue(raw)) + strings.Repeat("\n", strings.Count(text[:end], "\n")))
			text = text[end+3:]
		case text[0] == '"':
			n := stringLength(text)
			b.WriteString(text[:n])
			text = text[n:]
		case text[0] == '#':
			n := strings.IndexAny(text, "\r\n")
			if n < 0 {
				n = len(text)
			}
			b.WriteString(text[:n])
			text = text[n:]
		default:
			b.WriteByte(text[0])
			text = text[1:]
		}
	}
	return b.String()
}

// blockEnd returns where the closing quotes of a block string are, -1 when there are none.
func blockEnd(text string) int {
	for i := 3; i+3 <= len(text); i++ {
		switch {
		case strings.HasPrefix(text[i:], `\"""`):
			i += 3
		case strings.HasPrefix(text[i:], `"""`):
			return i
		}
	}
	return -1
}

// stringLength returns the length of a quoted string, or of what there is of it.
func stringLength(text string) int {
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		case '\n', '\r':
			return i
		}
	}
	return len(text)
}

// blockValue is BlockStringValue of the GraphQL specification.
func blockValue(raw string) string {
	lines := strings.Split(strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(raw), "\n")
	indent := -1
	for _, line := range lines[1:] {
		if n := len(line) - len(strings.TrimLeft(line, " \t")); n < len(line) && (indent < 0 || n < indent) {
			indent = n
		}
	}
	for i := range lines[1:] {
		lines[i+1] = lines[i+1][min(max(indent, 0), len(lines[i+1])):]
	}
	blank := func(line string) bool { return strings.Trim(line, " \t") == "" }
	for len(lines) > 0 && blank(lines[0]) {
		lines = lines[1:]
	}
	for len(lines) > 0 && blank(lines[len(lines)-1]) {
		lines = lines[:len(lines)-1]
	}
	return strings.Join(lines, "\n")
}

// quoted returns a text as a quoted string of GraphQL.
func quoted(text string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(text) {
		switch c := text[i]; {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c == '\n':
			b.WriteString(`\n`)
		case c < 0x20 || c == 0x7f:
			b.WriteString(`\u00` + string("0123456789abcdef"[c>>4]) + string("0123456789abcdef"[c&15]))
		default:
			b.WriteByte(c)
		}
	}
	return b.String() + `"`
}
