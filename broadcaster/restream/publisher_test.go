package restream_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bluenviron/gortmplib"
	"github.com/bluenviron/gortmplib/pkg/message"
	"github.com/prometheus/client_golang/prometheus"

	"castnet/broadcaster/restream"
	"castnet/ingest"
	"castnet/ingest/rtmp"
	"castnet/internal/media"
	"castnet/test/clip"
)

// sink keeps what one publisher sends. Its fields may be read once done is closed.
type sink struct {
	tracks []*media.Track
	units  [2][]*media.Unit
	refuse error // what Write says
	reason error
	done   chan struct{}
}

func (s *sink) Start(tracks []*media.Track) error { s.tracks = tracks; return nil }
func (s *sink) Close(reason error)                { s.reason = reason; close(s.done) }

func (s *sink) Write(track int, u *media.Unit) error {
	s.units[track] = append(s.units[track], u)
	return s.refuse
}

// gate admits the key demo.
type gate struct{ sink *sink }

func (g gate) Publish(_ context.Context, r ingest.Request) (ingest.Sink, error) {
	switch r.Key {
	case "demo":
		return g.sink, nil
	case "busy":
		return nil, ingest.ErrKeyInUse
	case "SECRET":
		return nil, &ingest.Refusal{Code: ingest.CodeWrongKey, Message: "live/" + r.Key + " is not for you"}
	}
	return nil, ingest.ErrWrongKey
}

// serve runs a broadcaster's RTMP server; the address lacks the key. stop ends it early.
func serve(t *testing.T, s *sink) (address string, stop func()) {
	t.Helper()
	s.done = make(chan struct{})
	listener := listen(t)
	server, err := rtmp.New(rtmp.Config{
		Listener: listener, Gate: gate{s}, Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := server.Run(ctx); err != nil {
			t.Errorf("Run: %v", err)
		}
	}()
	stop = func() { cancel(); <-ended }
	t.Cleanup(stop)
	return "rtmp://" + listener.Addr().String() + "/live/", stop
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	return listener
}

func material(t *testing.T) (*clip.Video, *clip.Audio) {
	t.Helper()
	video, err := clip.Make(t.Context(), clip.Spec{Width: 320, Height: 240, FPS: 30, Seconds: 2, BFrames: 2, GOP: 30})
	if err != nil {
		t.Fatal(err)
	}
	audio, err := clip.MakeAudio(t.Context(), 48000)
	if err != nil {
		t.Fatal(err)
	}
	return video, audio
}

// TestEveryUnitArrives pushes both tracks, from a clock that is far from zero, as a stream that has run for days.
func TestEveryUnitArrives(t *testing.T) {
	video, audio := material(t)
	s := &sink{}
	address, _ := serve(t, s)
	p, err := restream.Dial(t.Context(), address+"demo", []*media.Track{video.Track, audio.Track})
	if err != nil {
		t.Fatal(err)
	}
	const days = 100 * 24 * 3600
	sounds := audio.Units[:90]
	write := func(track int, u media.Unit, rate int64) {
		t.Helper()
		u.PTS += days * rate
		u.DTS += days * rate
		if err := p.Write(track, &u); err != nil {
			t.Fatal(err)
		}
	}
	for i, u := range video.Units {
		write(0, *u, media.VideoClockRate)
		for j := i * len(sounds) / 60; j < (i+1)*len(sounds)/60; j++ {
			write(1, *sounds[j], 48000)
		}
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	<-s.done
	if s.reason != nil || len(s.tracks) != 2 || s.tracks[0].Width != 320 || s.tracks[1].Channels != audio.Track.Channels {
		t.Fatalf("tracks %+v, ended with %v", s.tracks, s.reason)
	}
	if len(s.units[0]) != len(video.Units) || len(s.units[1]) != len(sounds) {
		t.Fatalf("%d pictures and %d sounds arrived", len(s.units[0]), len(s.units[1]))
	}
	first := video.Units[0].DTS
	for i, u := range s.units[0] {
		was := video.Units[i]
		if off := u.PTS - (was.PTS - first); off < -90 || off > 90 || u.Key != was.Key {
			t.Fatalf("picture %d: PTS %d for %d, key %v for %v", i, u.PTS, was.PTS-first, u.Key, was.Key)
		}
		if !slices.EqualFunc(slicesOf(u), slicesOf(was), bytes.Equal) {
			t.Fatalf("picture %d has other bytes", i)
		}
	}
	for i, u := range s.units[1] {
		if !bytes.Equal(u.Payload, sounds[i].Payload) {
			t.Fatalf("sound %d has other bytes", i)
		}
	}
}

// slicesOf returns the coded slices of a picture: what is between them ingest may write anew.
func slicesOf(u *media.Unit) (coded [][]byte) {
	for nalu := range media.NALUs(u.Payload) {
		if kind := nalu[0] & 0x1f; kind >= 1 && kind <= 5 {
			coded = append(coded, nalu)
		}
	}
	return coded
}

func TestRefusalsAreShown(t *testing.T) {
	video, _ := material(t)
	address, _ := serve(t, &sink{})
	for key, want := range map[string]struct {
		code, text string
		permanent  bool
	}{
		"nobodys": {"NetStream.Publish.Rejected", "no stream has this key", true},
		"busy":    {"NetStream.Publish.BadName", "", false},
		"SECRET":  {"NetStream.Publish.Rejected", "live/… is not for you", true},
	} {
		_, err := restream.Dial(t.Context(), address+key, []*media.Track{video.Track})
		var refused *restream.Refused
		if !errors.As(err, &refused) || refused.Code != want.code || !strings.Contains(refused.Description, want.text) {
			t.Errorf("%s: got %v", key, err)
		}
		if err != nil && strings.Contains(err.Error(), "SECRET") {
			t.Errorf("the key is shown: %v", err)
		}
		if restream.Permanent(err) != want.permanent {
			t.Errorf("%s: permanent %v", key, !want.permanent)
		}
	}
}

// TestRefusedInTheMiddle writes until the server has had enough.
func TestRefusedInTheMiddle(t *testing.T) {
	video, _ := material(t)
	s := &sink{refuse: &ingest.Refusal{Code: ingest.CodeLimit, Message: "enough of this"}}
	address, _ := serve(t, s)
	p, err := restream.Dial(t.Context(), address+"demo", []*media.Track{video.Track})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Abort()
	for i := 0; err == nil; i++ {
		u := *video.Units[i%len(video.Units)]
		u.DTS, u.PTS = int64(i)*3000, int64(i)*3000
		err = p.Write(0, &u)
	}
	var refused *restream.Refused
	if !errors.As(err, &refused) || refused.Description != "enough of this" {
		t.Errorf("got %v", err)
	}
}

func TestServerGoesAway(t *testing.T) {
	video, _ := material(t)
	address, stop := serve(t, &sink{})
	p, err := restream.Dial(t.Context(), address+"demo", []*media.Track{video.Track})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Abort()
	stop()
	for err == nil {
		err = p.Write(0, video.Units[0])
	}
	if restream.Permanent(err) {
		t.Errorf("permanent: %v", err)
	}
	if _, err = restream.Dial(t.Context(), address+"demo", []*media.Track{video.Track}); err == nil || restream.Permanent(err) {
		t.Errorf("dialling a server that is gone: %v", err)
	}
}

// accept plays a server of the library's up to where media may come, then hands it over.
func accept(t *testing.T, then func(*gortmplib.ServerConn)) string {
	t.Helper()
	listener := listen(t)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		nc, err := listener.Accept()
		if err != nil {
			return
		}
		defer nc.Close()
		c := &gortmplib.ServerConn{RW: nc}
		if err := errors.Join(c.Initialize(), c.AcceptConn(), c.AcceptAction()); err != nil {
			t.Errorf("accept: %v", err)
			return
		}
		then(c)
	}()
	t.Cleanup(func() { listener.Close(); <-ended })
	return "rtmp://" + listener.Addr().String() + "/live/demo"
}

// TestPings has the server ask for signs of life while media is written.
func TestPings(t *testing.T) {
	video, _ := material(t)
	const pings = 50
	answered := make(chan struct{})
	address := accept(t, func(c *gortmplib.ServerConn) {
		for range pings {
			if err := c.Write(&message.UserControlPingRequest{ServerTime: 7}); err != nil {
				t.Errorf("ping: %v", err)
			}
		}
		for got := 0; got < pings; {
			msg, err := c.Read()
			if err != nil {
				t.Errorf("after %d pongs: %v", got, err)
				return
			}
			if _, ok := msg.(*message.UserControlPingResponse); ok {
				got++
			}
		}
		close(answered)
		for { // until the goodbye
			msg, err := c.Read()
			if err != nil {
				t.Errorf("after the pongs: %v", err)
				return
			}
			if command, ok := msg.(*message.CommandAMF0); ok && command.Name == "deleteStream" {
				return
			}
		}
	})
	p, err := restream.Dial(t.Context(), address, []*media.Track{video.Track})
	if err != nil {
		t.Fatal(err)
	}
	for i, open := 0, true; open; i++ {
		select {
		case <-answered:
			open = false
		default:
			if err := p.Write(0, video.Units[i%len(video.Units)]); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
}

// TestContextFreesABlockedWrite writes to a server that does not read.
func TestContextFreesABlockedWrite(t *testing.T) {
	video, _ := material(t)
	ctx, cancel := context.WithCancel(t.Context())
	address := accept(t, func(*gortmplib.ServerConn) { <-ctx.Done() })
	p, err := restream.Dial(ctx, address, []*media.Track{video.Track})
	if err != nil {
		t.Fatal(err)
	}
	wrote := make(chan struct{}, 1)
	failed := make(chan struct{})
	go func() {
		defer close(failed)
		for p.Write(0, video.Units[0]) == nil {
			select {
			case wrote <- struct{}{}:
			default:
			}
		}
	}()
	for full := false; !full; { // nothing more fits between the two
		select {
		case <-wrote:
		case <-time.After(200 * time.Millisecond):
			full = true
		}
	}
	cancel()
	<-failed
	p.Abort()
}

func TestWhatCannotBePublished(t *testing.T) {
	video, audio := material(t)
	bare := *video.Track
	bare.Config = nil
	good := "rtmp://127.0.0.1:1/live/SECRET"
	for name, tc := range map[string]struct {
		address string
		tracks  []*media.Track
	}{
		"scheme":     {"http://127.0.0.1/live/SECRET", []*media.Track{video.Track}},
		"no key":     {"rtmp://127.0.0.1/live", []*media.Track{video.Track}},
		"empty key":  {"rtmp://127.0.0.1/SECRET/", []*media.Track{video.Track}},
		"no host":    {"rtmp:///live/SECRET", []*media.Track{video.Track}},
		"user":       {"rtmp://me:SECRET@127.0.0.1/live/demo", []*media.Track{video.Track}},
		"unreadable": {"rtmp://127.0.0.1:x/live/SECRET", []*media.Track{video.Track}},
		"no tracks":  {good, nil},
		"two videos": {good, []*media.Track{video.Track, video.Track}},
		"VP8":        {good, []*media.Track{{Codec: media.VP8, ClockRate: 90000}}},
		"no SPS":     {good, []*media.Track{&bare, audio.Track}},
		"bad AAC":    {good, []*media.Track{{Codec: media.AAC, ClockRate: 48000}}},
		"no VPS":     {good, []*media.Track{{Codec: media.HEVC, ClockRate: 90000}}},
	} {
		_, err := restream.Dial(t.Context(), tc.address, tc.tracks)
		if !errors.Is(err, restream.ErrInvalid) || !restream.Permanent(err) || strings.Contains(err.Error(), "SECRET") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestHostileServers sends back what is not RTMP, or is broken RTMP.
func TestHostileServers(t *testing.T) {
	video, _ := material(t)
	hello := append([]byte{3}, make([]byte, 2*1536)...)
	for name, answer := range map[string][]byte{
		"nothing":                     nil,
		"HTTP":                        []byte("HTTP/1.1 400 Bad Request\r\n\r\n"),
		"zeros":                       make([]byte, 1<<16),
		"a command without content":   append(bytes.Clone(hello), 3, 0, 0, 0, 0, 0, 0, 20, 0, 0, 0, 0),
		"a command that is no AMF":    append(bytes.Clone(hello), 3, 0, 0, 0, 0, 0, 3, 20, 0, 0, 0, 0, 2, 255, 255),
		"a user control message of 1": append(bytes.Clone(hello), 2, 0, 0, 0, 0, 0, 1, 4, 0, 0, 0, 0, 9),
	} {
		listener := listen(t)
		go func() {
			nc, err := listener.Accept()
			if err != nil {
				return
			}
			defer nc.Close()
			_, _ = io.CopyN(io.Discard, nc, 1+1536)
			_, _ = nc.Write(answer)
		}()
		if _, err := restream.Dial(t.Context(), "rtmp://"+listener.Addr().String()+"/live/demo", []*media.Track{video.Track}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// TestRTMPSChecksTheCertificate meets a server that nobody vouches for.
func TestRTMPSChecksTheCertificate(t *testing.T) {
	video, _ := material(t)
	server := httptest.NewTLSServer(nil)
	defer server.Close()
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo)
	_, err := restream.Dial(t.Context(), "rtmps://"+server.Listener.Addr().String()+"/live/demo", []*media.Track{video.Track})
	if err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("got %v", err)
	}
}
