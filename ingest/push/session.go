package push

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"castnet/ingest"
	"castnet/ingest/tsstream"
)

const (
	// maxWaiting bounds the segments of a stream that wait for their turn.
	maxWaiting = 8
	// maxPlaylist bounds a playlist.
	maxPlaylist = 1 << 20
)

// errSilent is what a sink is told where no segment came any more.
var errSilent = errors.New("the publisher sent no segment for too long")

// session is one key's stream, over all its segments. One request at a time has the turn, and with it the sink.
type session struct {
	server *Server
	key    string
	sink   ingest.Sink
	stream *tsstream.Stream
	log    *slog.Logger
	cancel context.CancelFunc
	began  time.Time

	mu      sync.Mutex
	moved   chan struct{} // closed, and made anew, when anything below changes
	busy    bool          // somebody has the turn
	closed  bool
	next    uint64    // the segment that is expected
	cut     bool      // the one before it broke off
	missing span      // the last ones that were not waited for any longer
	waiting []uint64  // for their turn; one may wait twice, as its first try is dead already
	heard   time.Time // when the last segment ended
}

// span is the numbers from first up to end, which is outside.
type span struct{ first, end uint64 }

func newSession(s *Server, key string, sink ingest.Sink, first uint64) *session {
	now := s.cfg.Now()
	return &session{
		server: s, key: key, sink: sink, stream: tsstream.New(sink, s.metrics, s.cfg.Now), began: now, heard: now,
		next: first, moved: make(chan struct{}),
	}
}

// number is the one that a segment's name ends with.
func number(name string) (uint64, error) {
	bare, ok := strings.CutSuffix(name, ".ts")
	digits := bare[len(strings.TrimRight(bare, "0123456789")):]
	if seq, err := strconv.ParseUint(digits, 10, 63); ok && err == nil {
		return seq, nil
	}
	return 0, say(http.StatusNotFound, "a segment's name is its number and .ts, as in /live/KEY/17.ts: %.40q is not", name)
}

// segment takes one segment's request.
func (s *Server) segment(ctx context.Context, w http.ResponseWriter, r *http.Request, key, name string) error {
	seq, err := number(name)
	if err != nil {
		return err
	}
	if r.ContentLength > s.cfg.MaxSegmentBytes {
		return tooLarge(s.cfg.MaxSegmentBytes)
	}
	v, err := s.session(key, r.RemoteAddr, seq) //nolint:contextcheck // the stream outlives the request that begins it
	if err != nil {
		return err
	}
	again, err := v.turn(ctx, seq)
	if err != nil {
		return err
	}
	whole := false
	defer func() { v.done(whole) }() // also where a parser, which is not ours, panics
	from := s.read(ctx, w, r)
	defer from.stop()
	s.metrics.Connections.Inc()
	defer s.metrics.Connections.Dec()
	if again {
		err = v.stream.ReadAgain(from)
	} else {
		err = v.stream.Read(from)
	}
	large, tooLong := errors.AsType[*http.MaxBytesError](err)
	switch {
	case err == nil:
		whole = true
		return nil
	case ctx.Err() != nil:
		return ingest.ErrUnavailable
	case tooLong:
		return tooLarge(large.Limit)
	case errors.Is(err, tsstream.ErrNoTables): // nothing of it reached the sink
		return err
	case from.failed:
		v.log.Warn("a segment broke off", "segment", seq, "err", err)
		return say(http.StatusBadRequest, "segment %d broke off: send it again", seq)
	default:
		s.end(v, true, err)
		return err
	}
}

func tooLarge(limit int64) error {
	return say(http.StatusRequestEntityTooLarge, "a segment has at most %d bytes: make shorter segments, or lower the bitrate", limit)
}

// turn waits until a segment may be read; done gives the turn back. again says that the segment's first try broke off.
func (v *session) turn(ctx context.Context, seq uint64) (again bool, err error) {
	patience := time.NewTimer(v.server.cfg.ReorderWait)
	defer patience.Stop()
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.waiting) == maxWaiting {
		return false, say(http.StatusTooManyRequests, "%d segments wait already: send one after the other", maxWaiting)
	}
	v.waiting = append(v.waiting, seq)
	defer v.leave(seq)
	for patient := true; ; {
		if v.closed {
			return false, say(http.StatusConflict, "the stream ended meanwhile: send segment %d again to begin another", seq)
		}
		if !v.busy {
			taken, again, err := v.take(seq, patient)
			if taken || err != nil {
				return again, err
			}
		}
		moved := v.moved
		v.mu.Unlock()
		select {
		case <-moved:
		case <-patience.C:
			patient = false
		case <-ctx.Done():
		}
		v.mu.Lock()
		if ctx.Err() != nil {
			return false, ingest.ErrUnavailable
		}
	}
}

// rest waits until no segment is read or waits for its turn, nor one up to last may still come: ffmpeg says goodbye while its
// last one is on the way.
func (v *session) rest(ctx context.Context, last uint64) error {
	patience := time.NewTimer(v.server.cfg.ReorderWait)
	defer patience.Stop()
	v.mu.Lock()
	defer v.mu.Unlock()
	for patient := true; v.busy || len(v.waiting) > 0 || patient && v.next <= last; {
		moved := v.moved
		v.mu.Unlock()
		select {
		case <-moved:
		case <-patience.C:
			patient = false
		case <-ctx.Done():
		}
		v.mu.Lock()
		if ctx.Err() != nil {
			return ingest.ErrUnavailable
		}
	}
	return nil
}

// leave takes one that waited from the list. The caller holds mu.
func (v *session) leave(seq uint64) {
	at := slices.Index(v.waiting, seq)
	v.waiting = slices.Delete(v.waiting, at, at+1)
	v.wake()
}

// take gives the turn to a segment if it is next, or follows what will not come. The caller holds mu.
func (v *session) take(seq uint64, patient bool) (taken, again bool, err error) {
	switch {
	case seq == v.next:
	case seq+1 == v.next && v.cut:
		again = true
	case seq+1 == v.next:
		return false, false, say(http.StatusOK, "segment %d was taken already", seq)
	case v.missing.first <= seq && seq < v.missing.end:
		return false, false, say(http.StatusConflict, "segment %d comes too late: %d was taken, after %v", seq, v.missing.end, v.server.cfg.ReorderWait)
	case seq < v.next:
		v.log.Info("publisher counts its segments anew", "segment", seq, "expected", v.next)
		v.missing = span{}
		v.stream.Broken()
	case patient || seq > slices.Min(v.waiting):
		return false, false, nil
	default:
		v.log.Warn("segments are missing", "first", v.next, "last", seq-1)
		v.missing = span{v.next, seq}
		v.stream.Broken()
	}
	v.busy, v.cut, v.next = true, false, seq+1
	return true, again, nil
}

// done gives the turn back.
func (v *session) done(whole bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.busy, v.cut, v.heard = false, !whole, v.server.cfg.Now()
	v.wake()
}

func (v *session) wake() {
	close(v.moved)
	v.moved = make(chan struct{})
}

// silent reports whether no segment came for too long.
func (v *session) silent() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.waiting) == 0 && v.server.cfg.Now().Sub(v.heard) > v.server.cfg.IdleTimeout
}

// close marks the session as over, and reports whether that is the caller's doing. While a segment is read, only its reader
// may: own.
func (v *session) close(own bool) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.closed || v.busy && !own {
		return false
	}
	v.closed = true
	v.wake()
	return true
}

// playlist reads what ffmpeg's hls muxer sends beside the segments: only the end of the stream matters.
func (s *Server) playlist(ctx context.Context, w http.ResponseWriter, r *http.Request, key string) error {
	s.mu.Lock()
	v := s.sessions[key]
	s.mu.Unlock()
	if v == nil {
		return say(http.StatusNotFound, "no stream is being pushed with this key: its first segment comes before the playlist")
	}
	body := s.read(ctx, w, r)
	defer body.stop()
	text, err := io.ReadAll(io.LimitReader(body, maxPlaylist))
	if err != nil {
		return say(http.StatusBadRequest, "the playlist broke off")
	}
	list, _, ended := strings.Cut(string(text), "#EXT-X-ENDLIST")
	if !ended {
		return nil
	}
	list = strings.TrimSpace(list)
	last, err := number(list[strings.LastIndexAny(list, "\n/")+1:])
	if err != nil {
		return err
	}
	return s.goodbye(ctx, key, last)
}

// body reads a request's body within the limits of size and of silence, until its context ends.
type body struct {
	ctx      context.Context //nolint:containedctx // while the request is served
	r        io.Reader
	control  *http.ResponseController
	idle     time.Duration
	extended time.Time
	failed   bool
	unhook   func() bool
}

func (s *Server) read(ctx context.Context, w http.ResponseWriter, r *http.Request) *body {
	b := &body{
		ctx: ctx, r: http.MaxBytesReader(w, r.Body, s.cfg.MaxSegmentBytes), control: http.NewResponseController(w), idle: s.cfg.IdleTimeout,
	}
	b.unhook = context.AfterFunc(ctx, func() { _ = b.control.SetReadDeadline(time.Unix(1, 0)) })
	return b
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	if now := time.Now(); now.Sub(b.extended) > b.idle/8 {
		b.extended = now
		if err := b.control.SetReadDeadline(now.Add(b.idle)); err != nil {
			b.failed = true
			return 0, err
		}
		if err := b.ctx.Err(); err != nil { // its deadline was overwritten
			b.failed = true
			return 0, err
		}
	}
	n, err := b.r.Read(p)
	if err != nil && err != io.EOF {
		b.failed = true
	}
	return n, err
}

// stop leaves the connection to the next request.
func (b *body) stop() {
	if b.unhook() {
		_ = b.control.SetReadDeadline(time.Time{}) // a connection that is gone needs none
	}
}
