package broadcasting

import (
	"cmp"
	"errors"
	"net/http"

	"castnet/broadcaster/api"
	"castnet/broadcaster/playback"
	"castnet/broadcaster/restream"
)

// restreams lets whoever has a stream's key change where it is pushed on to: it implements api.Restreams.
type restreams struct {
	keys   *streamKeys
	server *restream.Server
}

// Publishes reports whether a stream is published with this key, and it is a secret: whoever reads this knows the key demo.
func (r restreams) Publishes(key, stream string) bool {
	id, ok := r.keys.Stream(key)
	return ok && id == stream && key != demo
}

// Targets are a stream's.
func (r restreams) Targets(stream string) (all []api.TargetView) {
	for _, st := range r.server.Targets(stream) {
		all = append(all, targetView(&st))
	}
	return all
}

// AddTarget adds one.
func (r restreams) AddTarget(stream string, t api.NewTarget) (api.TargetView, error) {
	st, err := r.server.Add(restream.Target{Stream: stream, Rendition: cmp.Or(t.Rendition, playback.SourceName), URL: t.URL})
	return targetView(&st), refusal(err)
}

// RemoveTarget removes one that was added.
func (r restreams) RemoveTarget(stream string, id int) error {
	return refusal(r.server.Remove(stream, id))
}

// refusal is what a client is told of an error.
func refusal(err error) error {
	for _, known := range []struct {
		err    error
		status int
		next   string
	}{
		{restream.ErrInvalid, http.StatusBadRequest, "send the address as the server's owner gave it"},
		{restream.ErrKnown, http.StatusConflict, "GET the stream's restreams: it is one of them"},
		{restream.ErrTooMany, http.StatusForbidden, "remove one of those that were added, or have the broadcaster started with a higher --max-push-targets"},
		{restream.ErrSoon, http.StatusTooManyRequests, "add the target later"},
		{restream.ErrUnknown, http.StatusNotFound, "GET the stream's restreams: they have their numbers"},
		{restream.ErrFixed, http.StatusForbidden, "have it taken out of the file that the broadcaster was started with (--keys)"},
	} {
		if errors.Is(err, known.err) {
			return &api.Refusal{Status: known.status, Problem: api.Problem{Error: err.Error(), Next: known.next}}
		}
	}
	return err
}

func targetView(st *restream.Status) api.TargetView {
	return api.TargetView{
		ID: st.ID, Fixed: st.Fixed, Rendition: st.Rendition, Server: st.Server, State: string(st.State), Since: st.Since,
		Bytes: int64(st.Bytes), Restarts: st.Restarts, LastError: st.LastError,
	}
}
