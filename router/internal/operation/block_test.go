package operation

import (
	"testing"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
)

func TestBlockStrings(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`"""a` + "\n  b" + `"""`:                           "a\nb",
		`"""  first` + "\n    second\n      third" + `"""`: "  first\nsecond\n  third",
		`"""` + "\n    a\n      b\n    \n" + `"""`:         "a\n  b",
		`"""` + "\r\n  a\r\n b" + `"""`:                    " a\nb",
		`"""x \""" y"""`:                                   `x """ y`,
		`"""a "quoted" \n"""`:                              `a "quoted" \n`,
		`""""""`:                                           "",
		`"""` + "\t\n\n" + `"""`:                           "",
		`"a \" b" # """`:                                   `a " b`,
		"\"\"\"\x01ü😀\"\"\"":                               "\x01ü😀",
	} {
		doc, err := parser.ParseQuery(&ast.Source{Input: withoutBlockStrings("{ f(a: " + text + "\n) }")})
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := doc.Operations[0].SelectionSet[0].(*ast.Field).Arguments[0].Value.Raw; got != want { //nolint:forcetypeassert // the only field
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
}

// FuzzDocument checks that no text makes the front of the parser panic, and that no block string is left.
func FuzzDocument(f *testing.F) {
	for _, text := range []string{
		"{ a }", "\ufeff{ a }", `{ f(a: 1e+5, b: """x""") }`, "{ f(a: \"\"\"a\n  b\"\"\") } # \"\"\"", `{ f(a: "\u{1F600} \uD83D\uDE00") }`,
		`{ f(a: """`, `"`, `"\`, `#`, `{ f(a: """"x""") }`,
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		rewritten := withoutBlockStrings(text)
		if _, err := parser.ParseQuery(&ast.Source{Input: rewritten}); err == nil && withoutBlockStrings(rewritten) != rewritten {
			t.Errorf("%q became %q, which still has a block string", text, rewritten)
		}
	})
}
