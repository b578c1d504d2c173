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

// worthZipping is from how many bytes on an answer is compressed: what fits into one packet does
// not arrive earlier when it is smaller.
const worthZipping = 1400

// reply is an answer that is being written.
type reply struct {
	w     http.ResponseWriter
	media string
	zip   bool // the client takes gzip and the answer may be compressed
}

func (o *reply) setCookies(lines []string) {
	for _, line := range lines {
		o.w.Header().Add("Set-Cookie", line)
	}
}

func (o *reply) write(status int, body []byte) {
	header := o.w.Header()
	header.Set("Content-Type", o.media+"; charset=utf-8")
	if o.zip && len(body) >= worthZipping {
		z, _ := zippers.Get().(*zipper)
		defer zippers.Put(z)
		header.Set("Content-Encoding", "gzip")
		body = z.zip(body)
	}
	header.Set("Content-Length", strconv.Itoa(len(body)))
	o.w.WriteHeader(status)
	o.w.Write(body) //nolint:errcheck,gosec // the client is gone then; JSON that must not be sniffed
}

// refuse answers with errors and without data. A client that takes plain application/json reads
// 200 for a document that is not valid, as the protocol asks for: to it, a 4xx could come from
// something between it and the router. Everything else has its status.
func (o *reply) refuse(r *operation.Refused) {
	count(r)
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

// zipper compresses one answer at a time. It is 800 KB large.
type zipper struct {
	buf bytes.Buffer
	gz  *gzip.Writer
}

var zippers = sync.Pool{New: func() any {
	gz, err := gzip.NewWriterLevel(nil, gzip.BestSpeed)
	if err != nil { // the level exists
		panic(err)
	}
	return &zipper{gz: gz}
}}

// zip returns the compressed body, which is good until the next call.
func (z *zipper) zip(body []byte) []byte {
	z.buf.Reset()
	z.gz.Reset(&z.buf)
	z.gz.Write(body) //nolint:errcheck // a buffer takes everything
	z.gz.Close()     //nolint:errcheck // a buffer takes everything
	return z.buf.Bytes()
}
