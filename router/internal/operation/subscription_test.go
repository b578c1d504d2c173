package operation_test

import (
	"errors"
	"testing"

	"github.com/caarlos0/env/v11"

	"boxoffice.dev/router/internal/operation"
)

func TestSubscriptionsHaveOneRootField(t *testing.T) {
	t.Parallel()
	documents, err := operation.New(operation.Config{
		Limits: env.Must(env.ParseAs[operation.Limits]()),
		SDL:    `type Query { a: Int } type Subscription { tick(n: Int): Int tock: Int }`,
	})
	if err != nil {
		t.Fatal(err)
	}
	for query, valid := range map[string]bool{
		`subscription { tick }`:                                                                   true,
		`subscription { tick tick }`:                                                              true,
		`subscription { ... on Subscription { tick } }`:                                           true,
		`subscription { tick tock }`:                                                              false,
		`subscription { a: tick b: tick }`:                                                        false,
		`subscription { ...F tock } fragment F on Subscription { tick }`:                          false,
		`subscription($no: Boolean!) { tick @skip(if: $no) }`:                                     false,
		`subscription { tick @include(if: true) }`:                                                false,
		`subscription($no: Boolean!) { ...F @skip(if: $no) } fragment F on Subscription { tick }`: false,
		`subscription { __typename }`:                                                             false,
	} {
		_, err := documents.Prepare(query, "")
		var refused *operation.Refused
		if valid != (err == nil) || err != nil && (!errors.As(err, &refused) || refused.Code() != string(operation.ValidationFailed)) {
			t.Errorf("%s: got %v", query, err)
		}
	}
}
