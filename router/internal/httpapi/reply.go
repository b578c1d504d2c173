package httpapi

import (
	"encoding/json"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"boxoffice.dev/router/internal/operation"
)

const (
	mediaJSON    = "application/json"
	mediaGraphQL = "application/graphql-response+json"
)

// negotiate chooses the media type of the answer from an Accept header: the one that the client
// likes best, application/json when it does not care. It reports false when the client takes
// neither.
func negotiate(accept string) (media string, ok bool) {
	if strings.TrimSpace(accept) == "" {
		return mediaJSON, true
	}
	best := 0.0
	for item := range strings.SplitSeq(accept, ",") {
		name, params, err := mime.ParseMediaType(item)
		if err != nil {
			continue
		}
		quality := 1.0
		if q, sent := params["q"]; sent {
			if quality, err = strconv.ParseFloat(q, 64); err != nil {
				continue
			}
		}
		switch name {
		case mediaGraphQL, mediaJSON:
		case "*/*", "application/*":
			name = mediaJSON
		default:
			continue
		}
		if quality > best {
			best, media = quality, name
		}
	}
	return media, best > 0
}

// reply is an answer that is being written.
type reply struct {
	w     http.ResponseWriter
	media string
}

func (o *reply) setCookies(lines []string) {
	for _, line := range lines {
		o.w.Header().Add("Set-Cookie", line)
	}
}

func (o *reply) write(status int, body []byte) {
	o.w.Header().Set("Content-Type", o.media+"; charset=utf-8")
	o.w.WriteHeader(status)
	o.w.Write(body) //nolint:errcheck,gosec // the client is gone then; JSON that must not be sniffed
}

// refuse answers with errors and without data. A client that takes plain application/json reads
// 200 for a document that is not valid, as the protocol asks for: to it, a 4xx could come from
// something between it and the router. Everything else has its status.
func (o *reply) refuse(r *operation.Refused) {
	status := r.Status
	if o.media == mediaJSON && r.Invalid() {
		status = http.StatusOK
	}
	body, err := json.Marshal(struct {
		Errors any `json:"errors"`
	}{r.Errors})
	if err != nil { // only strings and numbers go in
		panic(err)
	}
	o.write(status, body)
}
