package httpapi

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"net/http"
	"strconv"
	"sync"

	"boxoffice.dev/router/internal/operation"
)

// minCompressed is the smallest size that is compressed: a response that fits into one packet does not arrive earlier
// when it is smaller.
const minCompressed = 1400

// reply writes a response.
type reply struct {
	w     http.ResponseWriter
	media string
	zip   bool // compress large bodies
}

func (o *reply) setCookies(lines []string) {
	for _, line := range lines {
		o.w.Header().Add("Set-Cookie", line)
	}
}

func (o *reply) write(status int, body []byte) {
	header := o.w.Header()
	header.Set("Content-Type", o.media+"; charset=utf-8")
	if o.zip && len(body) >= minCompressed {
		z, _ := zippers.Get().(*zipper)
		defer zippers.Put(z)
		header.Set("Content-Encoding", "gzip")
		body = z.zip(body)
	}
	header.Set("Content-Length", strconv.Itoa(len(body)))
	o.w.WriteHeader(status)
	o.w.Write(body) //nolint:errcheck,gosec // an error means that the client has gone; the body is JSON with nosniff
}

// refuse responds with errors and without data. For application/json, an invalid document is answered with status 200,
// as the protocol requires: such a client cannot distinguish a 4xx of the router from one of an intermediary.
func (o *reply) refuse(r *operation.Refused) {
	count(r)
	status := r.Status
	if o.media == mediaJSON && r.Invalid() {
		status = http.StatusOK
	}
	body, err := json.Marshal(struct {
		Errors any `json:"errors"`
	}{r.Errors})
	if err != nil { // strings and numbers can always be encoded
		panic(err)
	}
	o.write(status, body)
}

// zipper compresses one response at a time. Zippers are pooled because each holds 800 kB.
type zipper struct {
	buf bytes.Buffer
	gz  *gzip.Writer
}

var zippers = sync.Pool{New: func() any {
	gz, err := gzip.NewWriterLevel(nil, gzip.BestSpeed)
	if err != nil { // the level is valid
		panic(err)
	}
	return &zipper{gz: gz}
}}

// zip returns the compressed body, which is valid until the next call.
func (z *zipper) zip(body []byte) []byte {
	z.buf.Reset()
	z.gz.Reset(&z.buf)
	z.gz.Write(body) //nolint:errcheck // a buffer returns no errors
	z.gz.Close()     //nolint:errcheck // a buffer returns no errors
	return z.buf.Bytes()
}
