package httpapi

import (
	"context"
	"log/slog"
	"net/http"

	"boxoffice.dev/pkg/identity"
	"boxoffice.dev/router/internal/executor"
	"boxoffice.dev/router/internal/operation"
	"boxoffice.dev/router/internal/stream"
)

// parts answers an operation with deferred fragments by multipart/mixed. When it is interrupted, the last boundary is
// missing, so that clients notice.
func (h *Handler) parts(out *reply, r *http.Request, req request, op *operation.Operation, cost float64) error {
	caller, call, setCookies, err := h.call(out, r, op, req.Variables.JSON)
	if err != nil {
		return err
	}
	ctx, end := context.WithCancelCause(identity.With(r.Context(), caller))
	defer end(nil)
	var answer *stream.Parts
	var first []byte
	done := observe(ctx, op)
	err = h.cfg.Executor.ExecuteInParts(ctx, call, req.Parts, func(part []byte) error {
		if answer == nil {
			first = part
			if part, err = h.complete(ctx, req, op, cost, part); err != nil {
				return err
			}
			setCookies()
			answer = h.cfg.Streams.Parts(out.w, specification(req.Parts), end)
		}
		return answer.Next(part)
	})
	done(first, err)
	if answer == nil {
		return err
	}
	defer answer.Close()
	if err == nil {
		err = answer.Complete()
	}
	if err != nil {
		slog.WarnContext(ctx, "multipart response interrupted", "error", err)
	}
	return nil
}

// format returns the format that the client accepts if the request defers a fragment, else 0.
func (h *Handler) format(op *operation.Operation, req request, accepted executor.Format) executor.Format {
	if accepted != 0 && h.cfg.Documents.Deferred(op, req.Variables) {
		return accepted
	}
	return 0
}

// specification returns the media type parameter of a format.
func specification(format executor.Format) string {
	for _, spec := range deferSpecs {
		if spec.format == format {
			return spec.name + "=" + spec.value
		}
	}
	return ""
}
