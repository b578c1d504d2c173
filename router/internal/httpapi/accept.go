package httpapi

import (
	"strconv"
	"strings"

	"boxoffice.dev/router/internal/executor"
)

const (
	mediaJSON    = "application/json"
	mediaGraphQL = "application/graphql-response+json"
	mediaParts   = "multipart/mixed" // with a parameter that names the specification
)

// negotiate chooses the media type of the response by the client's preference in Accept headers. It is
// application/json when the client has none or accepts only multipart/mixed. It reports false when the client accepts
// none of these types.
func negotiate(accept []string) (media string, ok bool) {
	if len(accept) == 0 || len(accept) == 1 && accept[0] == "" {
		return mediaJSON, true
	}
	plain, plainAt := quality(accept, mediaJSON, "application/*", "*/*")
	typed, typedAt := quality(accept, mediaGraphQL, "application/*", "*/*")
	if typed > plain || typed == plain && typedAt < plainAt {
		return mediaGraphQL, typed > 0
	}
	if plain == 0 {
		plain, _ = quality(accept, mediaParts)
	}
	return mediaJSON, plain > 0
}

// acceptsUpdates reports whether a client accepts subscriptions as multipart/mixed.
func acceptsUpdates(accept []string) bool {
	q := partsQuality(accept, func(name, value string) bool {
		return strings.EqualFold(name, "subscriptionSpec") && (value == "1.0" || value == "1")
	})
	return q > 0
}

// deferSpecs are the formats of deferred fragments. A client names one by a parameter of the media type or by an
// extension.
var deferSpecs = []struct {
	name, value string
	format      executor.Format
}{
	{"deferSpec", "20220824", executor.Defer20220824},
	{"incrementalSpec", "v0.2", executor.IncrementalV02},
}

// acceptedParts returns the format of deferred fragments that a client prefers, 0 when it accepts none.
func acceptedParts(accept []string) (best executor.Format) {
	most := 0.0
	for _, spec := range deferSpecs {
		q := partsQuality(accept, func(name, value string) bool { return strings.EqualFold(name, spec.name) && value == spec.value })
		if q > most {
			best, most = spec.format, q
		}
	}
	return best
}

// partsQuality returns the weight of multipart/mixed with a certain parameter, from 0 to 1.
func partsQuality(accept []string, wanted func(name, value string) bool) (most float64) {
	for _, line := range accept {
		for item := range strings.SplitSeq(line, ",") {
			media, params, _ := strings.Cut(item, ";")
			if !strings.EqualFold(strings.TrimSpace(media), mediaParts) {
				continue
			}
			for param := range strings.SplitSeq(params, ";") {
				name, value, _ := strings.Cut(param, "=")
				if wanted(strings.TrimSpace(name), strings.Trim(value, " \t\"")) {
					most = max(most, weight(params))
				}
			}
		}
	}
	return most
}

// acceptsGzip reads Accept-Encoding headers.
func acceptsGzip(accept []string) bool {
	q, _ := quality(accept, "gzip", "*")
	return q > 0
}

// quality returns the weight of something in a header, from 0 (not acceptable) to 1, and its position there. Names are
// the ranges that match it, the most specific first, which takes precedence (RFC 9110, section 12.5).
func quality(header []string, names ...string) (q float64, at int) {
	best := len(names)
	place := 0
	for _, line := range header {
		for item := range strings.SplitSeq(line, ",") {
			place++
			name, params, _ := strings.Cut(item, ";")
			name = strings.TrimSpace(name)
			for i, n := range names[:best] {
				if strings.EqualFold(name, n) {
					best, q, at = i, weight(params), place
					break
				}
			}
		}
	}
	return q, at
}

// weight returns the parameter q: 1 when there is none, 0 when it is not a number.
func weight(params string) float64 {
	for param := range strings.SplitSeq(params, ";") {
		name, value, _ := strings.Cut(param, "=")
		if strings.EqualFold(strings.TrimSpace(name), "q") {
			q, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			if err != nil {
				return 0
			}
			return q
		}
	}
	return 1
}
