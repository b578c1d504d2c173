package apperr_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"boxoffice.dev/pkg/apperr"
)

func TestSplit(t *testing.T) {
	t.Parallel()
	reused, blank := apperr.IdempotencyKeyReusedError{}, apperr.ValidationError{Field: "title", Rule: "blank", Message: "The title is blank."}
	missing, fault := apperr.New(apperr.NotFound, "There is no such order."), errors.New("database is down")
	for name, tt := range map[string]struct {
		err  error
		want []apperr.Code
	}{
		"nil":                    {nil, nil},
		"one":                    {reused, []apperr.Code{apperr.IdempotencyKeyReused}},
		"wrapped":                {fmt.Errorf("read order: %w", missing), []apperr.Code{apperr.NotFound}},
		"joined":                 {errors.Join(blank, reused), []apperr.Code{apperr.ValidationFailed, apperr.IdempotencyKeyReused}},
		"joined twice":           {errors.Join(errors.Join(blank, nil), missing), []apperr.Code{apperr.ValidationFailed, apperr.NotFound}},
		"a fault":                {fault, nil},
		"joined with a fault":    {errors.Join(blank, fault), nil},
		"a fault in joined ones": {errors.Join(blank, errors.Join(reused, fault)), nil},
	} {
		var got []apperr.Code
		for _, e := range apperr.Split(tt.err) {
			got = append(got, e.Code())
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: got %v, want %v", name, got, tt.want)
		}
	}
	if !apperr.Has(fmt.Errorf("read order: %w", missing), apperr.NotFound) || apperr.Has(missing, apperr.Forbidden) || apperr.Has(fault, apperr.NotFound) {
		t.Error("Has does not go by the code")
	}
}

func TestValidateIdempotencyKey(t *testing.T) {
	t.Parallel()
	for key, valid := range map[string]bool{
		"a": true, "~!": true, strings.Repeat("k", 255): true,
		"": false, " ": false, "a b": false, "\x00": false, "é": false, "\x7f": false, strings.Repeat("k", 256): false,
	} {
		err := apperr.ValidateIdempotencyKey(key)
		if _, invalid := errors.AsType[apperr.ValidationError](err); invalid == valid {
			t.Errorf("%q: got %v", key, err)
		}
	}
}
