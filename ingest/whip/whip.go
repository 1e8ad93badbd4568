// Package whip takes streams in by WebRTC (WHIP, RFC 9725), as browsers, OBS and GStreamer send them: POST an offer to
// /whip/KEY, or to /whip with the key as bearer token. H264, VP8, VP9 and AV1, with Opus.
package whip

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"castnet/ingest"
	"castnet/internal/rtc"
)

const (
	// maxKey bounds a stream key.
	maxKey = 256
	// answerTime bounds reading an offer and answering it.
	answerTime = 5 * time.Second
)

// Config is what a Server needs. Fields with a default may be left zero.
type Config struct {
	// Host makes the connections; it is shared with whoever else speaks WebRTC in this process.
	Host *rtc.Host
	// Gate decides who may publish.
	Gate ingest.Gate
	// Logger gets a line for each publisher that comes, goes, or is sent away.
	Logger *slog.Logger
	// Registerer gets the castnet_ingest_ metrics.
	Registerer prometheus.Registerer

	// ICEServers are announced to publishers.
	ICEServers rtc.ICEServers
	// MaxPublishers bounds the sessions at once (1000).
	MaxPublishers int
	// ConnectTimeout bounds the time from the answer to the connection, IdleTimeout that without media (10 s each).
	ConnectTimeout, IdleTimeout time.Duration
	// Now is the clock (time.Now).
	Now func() time.Time
}

func (c *Config) validate() error {
	if c.Host == nil || c.Gate == nil || c.Logger == nil || c.Registerer == nil {
		return errors.New("whip: Config needs Host, Gate, Logger and Registerer")
	}
	if c.MaxPublishers < 0 || c.ConnectTimeout < 0 || c.IdleTimeout < 0 {
		return fmt.Errorf("whip: MaxPublishers %d, ConnectTimeout %v and IdleTimeout %v must be positive, or 0 for the default",
			c.MaxPublishers, c.ConnectTimeout, c.IdleTimeout)
	}
	c.MaxPublishers = cmp.Or(c.MaxPublishers, 1000)
	c.ConnectTimeout = cmp.Or(c.ConnectTimeout, 10*time.Second)
	c.IdleTimeout = cmp.Or(c.IdleTimeout, 10*time.Second)
	if c.Now == nil {
		c.Now = time.Now
	}
	return nil
}

// Server serves POST /whip/{key} and the sessions that come of it. It works while Run runs.
type Server struct {
	cfg     Config
	metrics *ingest.Metrics
	spawn   chan func(context.Context)

	mu       sync.Mutex
	open     int // sessions, and offers being answered
	sessions map[string]*session
}

// New makes a server.
func New(cfg Config) (*Server, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	metrics, err := ingest.NewMetrics(cfg.Registerer, "whip")
	if err != nil {
		return nil, fmt.Errorf("whip: metrics: %w", err)
	}
	return &Server{cfg: cfg, metrics: metrics, spawn: make(chan func(context.Context)), sessions: make(map[string]*session)}, nil
}

// Run serves publishers until ctx is done; then it closes their connections.
func (s *Server) Run(ctx context.Context) error {
	var all sync.WaitGroup
	defer all.Wait()
	for {
		select {
		case <-ctx.Done():
			return nil
		case run := <-s.spawn:
			all.Go(func() { run(ctx) })
		}
	}
}

// ServeHTTP answers at /whip and below.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Expose-Headers", "Location, ETag, Link")
	ctx, cancel := context.WithTimeout(r.Context(), answerTime)
	defer cancel()
	path := strings.Split(strings.Trim(strings.TrimPrefix(r.URL.Path, "/whip"), "/"), "/")
	var err error
	switch {
	case r.Method == http.MethodOptions:
		h.Set("Access-Control-Allow-Methods", "POST, PATCH, DELETE, OPTIONS")
		h.Set("Access-Control-Allow-Headers", "Content-Type, Authorization, If-Match")
		h.Set("Accept-Post", "application/sdp")
		s.cfg.ICEServers.Announce(h)
		w.WriteHeader(http.StatusNoContent)
	case len(path) == 1 && r.Method == http.MethodPost:
		err = s.offer(ctx, w, r, path[0])
	case len(path) == 1:
		h.Set("Allow", "POST, OPTIONS")
		err = rtc.Refuse(http.StatusMethodNotAllowed, "POST an offer here to publish")
	case len(path) == 2 && path[0] == "session":
		err = s.resource(ctx, w, r, path[1])
	default:
		err = rtc.Refuse(http.StatusNotFound, "no such page: POST an offer to /whip/KEY")
	}
	if err != nil {
		s.explain(w, err)
	}
}

// explain answers with what went wrong, for the person who publishes.
func (s *Server) explain(w http.ResponseWriter, err error) {
	status := http.StatusServiceUnavailable
	if own, ok := errors.AsType[*rtc.Refusal](err); ok {
		status = own.Status
	} else {
		code := ingest.CodeOf(err)
		s.metrics.Refused.WithLabelValues(string(code)).Inc()
		switch code {
		case ingest.CodeWrongKey:
			status = http.StatusForbidden
		case ingest.CodeKeyInUse:
			status = http.StatusConflict
		case ingest.CodeUnsupportedCodec, ingest.CodeBadData, ingest.CodeNoKeyFrame:
			status = http.StatusUnprocessableEntity
		case ingest.CodeLimit, ingest.CodeUnavailable:
		}
	}
	http.Error(w, err.Error(), status)
}

// offer answers a publisher's offer with a new session.
func (s *Server) offer(ctx context.Context, w http.ResponseWriter, r *http.Request, key string) error {
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind != "application/sdp" {
		return rtc.Refuse(http.StatusUnsupportedMediaType, "the offer's Content-Type is %q: application/sdp is needed", kind)
	}
	if token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok && key == "" {
		key = token
	}
	if key == "" || len(key) > maxKey {
		return &ingest.Refusal{
			Code: ingest.CodeWrongKey, Message: "the stream key is missing or too long: publish to /whip/KEY, or give it as bearer token",
			Asked: fmt.Sprintf("%d bytes", len(key)), Limit: fmt.Sprintf("1 to %d bytes", maxKey),
		}
	}
	offer, err := rtc.ReadBody(w, r, answerTime)
	if err != nil {
		return err
	}
	if !strings.Contains(offer, "m=video") && !strings.Contains(offer, "m=audio") {
		return rtc.Refuse(http.StatusBadRequest, "the offer has neither a video section (m=video) nor one of sound (m=audio)")
	}
	v, answer, err := s.admit(ctx, r, key, offer)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "application/sdp")
	h.Set("Location", "/whip/session/"+v.id)
	s.cfg.ICEServers.Announce(h)
	v.candidates = rtc.NewCandidates(v.pc, answer)
	h.Set("ETag", v.candidates.ETag())
	w.WriteHeader(http.StatusCreated)
	_, _ = io.WriteString(w, answer) //nolint:gosec // SDP, not a page; a publisher that has gone never connects
	return nil
}

// admit asks the gate and sets a session up.
func (s *Server) admit(ctx context.Context, r *http.Request, key, offer string) (v *session, answer string, err error) {
	if err := s.reserve(); err != nil {
		return nil, "", err
	}
	started := false
	defer func() {
		if !started {
			s.unreserve()
		}
	}()
	// The gate comes first: a connection costs a hundred times what a look at the key does.
	//nolint:contextcheck // the stream outlives the request that began it
	sink, err := s.cfg.Gate.Publish(context.WithoutCancel(r.Context()), ingest.Request{Protocol: "whip", Key: key, Remote: r.RemoteAddr})
	if err != nil {
		return nil, "", err
	}
	v, answer, err = s.connect(ctx, offer)
	if err != nil {
		sink.Close(err)
		return nil, "", err
	}
	v.logger = s.cfg.Logger.With("remote", r.RemoteAddr, "session", v.id[:8])
	s.mu.Lock()
	s.sessions[v.id] = v
	s.mu.Unlock()
	run := func(ctx context.Context) {
		v.run(ctx, sink)
		s.forget(v)
		s.unreserve()
	}
	select {
	case s.spawn <- run:
		started = true
		return v, answer, nil
	case <-ctx.Done():
		s.forget(v)
		sink.Close(ingest.ErrUnavailable)
		return nil, "", errors.Join(ingest.ErrUnavailable, v.pc.Close())
	}
}

func (s *Server) connect(ctx context.Context, offer string) (*session, string, error) {
	var random [16]byte
	_, _ = rand.Read(random[:]) // never fails
	v, err := newSession(hex.EncodeToString(random[:]), s)
	if err != nil {
		return nil, "", err
	}
	answer, err := rtc.Answer(ctx, v.pc, offer)
	if err != nil {
		return nil, "", errors.Join(rtc.Refuse(http.StatusBadRequest, "%v", err), v.pc.Close())
	}
	return v, answer, nil
}

func (s *Server) reserve() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open >= s.cfg.MaxPublishers {
		return &ingest.Refusal{
			Code: ingest.CodeLimit, Message: "too many publishers by WebRTC: try again later, or publish by RTMP",
			Limit: fmt.Sprint(s.cfg.MaxPublishers),
		}
	}
	s.open++
	s.metrics.Connections.Inc()
	return nil
}

func (s *Server) unreserve() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open--
	s.metrics.Connections.Dec()
}

func (s *Server) forget(v *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.sessions, v.id)
}

// resource answers requests to a session (RFC 9725, sections 4.3 and 4.4).
func (s *Server) resource(ctx context.Context, w http.ResponseWriter, r *http.Request, id string) error {
	s.mu.Lock()
	v := s.sessions[id]
	s.mu.Unlock()
	if v == nil {
		return rtc.Refuse(http.StatusNotFound, "no such session: it has ended")
	}
	switch r.Method {
	case http.MethodDelete:
		s.forget(v)
		v.end(nil)
		select {
		case <-v.over: // whoever publishes again at once finds the key free
		case <-ctx.Done():
		}
		w.WriteHeader(http.StatusOK)
		return nil
	case http.MethodPatch:
		if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind != "application/trickle-ice-sdpfrag" {
			return rtc.Refuse(http.StatusUnsupportedMediaType, "the Content-Type is %q: application/trickle-ice-sdpfrag is needed", kind)
		}
		fragment, err := rtc.ReadBody(w, r, answerTime)
		if err != nil {
			return err
		}
		match := r.Header.Get("If-Match")
		if match == "" {
			return rtc.Refuse(http.StatusPreconditionRequired, "the If-Match header is missing: name the session's ETag, or * to restart ICE")
		}
		return v.candidates.Patch(ctx, w, match, fragment)
	default:
		w.Header().Set("Allow", "PATCH, DELETE, OPTIONS")
		return rtc.Refuse(http.StatusMethodNotAllowed, "a session takes PATCH (candidates, ICE restart) and DELETE")
	}
}
