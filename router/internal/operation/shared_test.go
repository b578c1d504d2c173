package operation_test

import (
	"errors"
	"testing"

	"github.com/caarlos0/env/v11"

	"boxoffice.dev/router/internal/operation"
)

// The defaults of an operation count, and not those that another one of the document declares for a shared fragment.
func TestDefaultsInSharedFragments(t *testing.T) {
	t.Parallel()
	documents, err := operation.New(operation.Config{
		Limits: env.Must(env.ParseAs[operation.Limits]()),
		SDL:    `type Query { books(first: Int): [Book] } type Book { id: ID }`,
	})
	if err != nil {
		t.Fatal(err)
	}
	const document = `
		query Large($n: Int = 100000) { ...F }
		query Small($n: Int = 1) { ...F }
		fragment F on Query { books(first: $n) { id } }`
	for name, code := range map[string]string{"Large": "BAD_USER_INPUT", "Small": ""} {
		op, err := documents.Prepare(document, name)
		if err != nil {
			t.Fatal(err)
		}
		_, err = documents.Check(op, operation.Variables{})
		got := ""
		if refused := (*operation.Refused)(nil); errors.As(err, &refused) {
			got = refused.Code()
		}
		if got != code {
			t.Errorf("%s: got %q, want %q", name, got, code)
		}
	}
}
