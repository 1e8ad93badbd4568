package api

import (
	"encoding/json"
	"errors"
	"net/http"
	"regexp"
	"strconv"
	"strings"
)

// Restreams changes where streams are pushed on to, for whoever has a stream's key.
type Restreams interface {
	// Publishes reports whether a stream is published with this key.
	Publishes(key, stream string) bool
	// Targets are a stream's, also while it is not live.
	Targets(stream string) []TargetView
	// AddTarget and RemoveTarget change them. An error is a *Refusal that shows no secret.
	AddTarget(stream string, t NewTarget) (TargetView, error)
	RemoveTarget(stream string, id int) error
}

// NewTarget is what a client sends to have a stream pushed to one more server.
type NewTarget struct {
	// URL is rtmp://HOST/APP/KEY, rtmps://… or srt://HOST:PORT?streamid=…; it holds secrets, and is never shown.
	URL string `json:"url"`
	// Rendition is "720p" or another; empty for the stream as it comes.
	Rendition string `json:"rendition"`
}

// renditionName is what a rendition may be called, or nothing.
var renditionName = regexp.MustCompile(`^[a-z0-9-]{0,64}$`)

// maxNewTarget bounds a NewTarget as JSON, in bytes.
const maxNewTarget = 4 << 10

// Refusal is an error that is for the client.
//
//nolint:errname // what happened, in one word
type Refusal struct {
	Status int // of HTTP
	Problem
}

// Error says what happened.
func (r *Refusal) Error() string { return r.Problem.Error }

// keyed answers requests about a stream from whoever has its key.
func (s *Server) keyed(answer func(w http.ResponseWriter, r *http.Request, stream string) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		stream := r.PathValue("id")
		key, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if !ok || !s.cfg.Restreams.Publishes(key, stream) {
			s.cfg.Logger.Debug("request refused: not the stream's key", "remote", r.RemoteAddr)
			w.Header().Set("WWW-Authenticate", "Bearer")
			s.fail(w, http.StatusUnauthorized, "this needs the key that the stream is published with", "send it as a header: Authorization: Bearer KEY")
			return
		}
		if refusal, ok := errors.AsType[*Refusal](answer(w, r, stream)); ok {
			s.fail(w, refusal.Status, refusal.Problem.Error, refusal.Next)
		}
	}
}

func (s *Server) targets(w http.ResponseWriter, _ *http.Request, stream string) error {
	s.reply(w, append([]TargetView{}, s.cfg.Restreams.Targets(stream)...))
	return nil
}

func (s *Server) addTarget(w http.ResponseWriter, r *http.Request, stream string) error {
	var t NewTarget
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxNewTarget))
	d.DisallowUnknownFields()
	if err := d.Decode(&t); err != nil || t.URL == "" {
		return &Refusal{http.StatusBadRequest, Problem{
			Error: "what was sent is no target", Next: `send {"url": "rtmp://HOST/APP/KEY", "rendition": "source"}, 4 KiB at most`,
		}}
	}
	if !renditionName.MatchString(t.Rendition) {
		return &Refusal{http.StatusBadRequest, Problem{
			Error: "this is no rendition's name: they have a-z, 0-9 and -, 64 bytes at most", Next: "look at the stream's ladder, or leave the rendition out for the stream as it comes",
		}}
	}
	added, err := s.cfg.Restreams.AddTarget(stream, t)
	if err == nil {
		s.answer(w, http.StatusCreated, added)
	}
	return err
}

func (s *Server) removeTarget(w http.ResponseWriter, r *http.Request, stream string) error {
	id, _ := strconv.Atoi(r.PathValue("target")) // there is none with the number 0
	err := s.cfg.Restreams.RemoveTarget(stream, id)
	if err == nil {
		w.WriteHeader(http.StatusNoContent)
	}
	return err
}

// noRestreams is a broadcaster that pushes nothing on: it knows no keys.
type noRestreams struct{ Restreams }

func (noRestreams) Publishes(string, string) bool { return false }
