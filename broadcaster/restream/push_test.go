package restream_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"castnet/broadcaster/playback"
	"castnet/broadcaster/restream"
	"castnet/ingest"
	"castnet/ingest/ingesttest"
	"castnet/ingest/rtmp"
	"castnet/ingest/srt"
	"castnet/internal/media"
	"castnet/test/clip"
	"castnet/test/port"
)

// show is a live stream's hub, and what is published in it.
type show struct {
	hub   *playback.Hub
	video *clip.Video
	audio *clip.Audio
}

func newShow(t *testing.T) *show {
	t.Helper()
	metrics, err := playback.NewMetrics(prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	s := &show{}
	s.video, s.audio = material(t)
	if s.hub, err = playback.New(playback.Config{ID: "show", Logger: slog.New(slog.DiscardHandler), Metrics: metrics}); err != nil {
		t.Fatal(err)
	}
	s.hub.AddAudio(0, s.audio.Track)
	if err := s.hub.SetLadder(nil); err != nil {
		t.Fatal(err)
	}
	return s
}

// lap publishes the clip of two seconds once more, the n-th time, with the sound beside it. paced is waited for after
// each picture.
func (s *show) lap(t *testing.T, n int, paced func()) {
	t.Helper()
	offset := int64(n) * 2 * media.VideoClockRate
	track := s.video.Track
	first := s.video.Units[0]
	seg := &media.Segment{Seq: uint64(n), FirstPTS: first.PTS + offset, DecodeFrom: first.PTS + offset, Track: track}
	if err := s.hub.StartSegment(seg); err != nil {
		t.Error(err)
	}
	const sounds = 90
	for i, u := range s.video.Units {
		moved := *u
		moved.PTS += offset
		moved.DTS += offset
		if err := s.hub.PublishSource(&moved); err != nil {
			t.Error(err)
		}
		for j := i * sounds / len(s.video.Units); j < (i+1)*sounds/len(s.video.Units); j++ {
			at := int64(n*sounds+j) * 1024
			if err := s.hub.PublishAudio(0, media.AAC, &media.Unit{PTS: at, DTS: at, Key: true, Payload: s.audio.Units[j].Payload}); err != nil {
				t.Error(err)
			}
		}
		paced()
	}
}

func atOnce() {}

// push begins to push the show to targets, and ends with the test.
func push(t *testing.T, s *show, urls ...string) (server *restream.Server, stop func()) {
	t.Helper()
	var targets []restream.Target
	for _, u := range urls {
		targets = append(targets, restream.Target{Stream: "show", Rendition: playback.SourceName, URL: u})
	}
	registry := prometheus.NewRegistry()
	server, err := restream.New(restream.Config{
		Targets: targets, Logger: slog.New(slog.NewTextHandler(t.Output(), nil)), Registerer: registry,
		FirstPause: 20 * time.Millisecond, LongestPause: 200 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx) }()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			if err := <-ended; err != nil {
				t.Error(err)
			}
			if n, err := testutil.GatherAndCount(registry); err != nil || n != 3*len(urls) {
				t.Errorf("%d metrics, %v", n, err)
			}
		})
	}
	t.Cleanup(stop)
	for server.Targets("show")[0].State == restream.Idle { // until Run runs, and takes it
		server.Begin(s.hub)
		wait(10 * time.Millisecond)
	}
	return server, stop
}

func wait(d time.Duration) { <-time.After(d) }

// until waits for a target's status.
func until(t *testing.T, server *restream.Server, target int, what string, ok func(restream.Status) bool) restream.Status {
	t.Helper()
	for began := time.Now(); ; wait(10 * time.Millisecond) {
		st := server.Targets("show")[target]
		if ok(st) {
			return st
		}
		if time.Since(began) > 2*time.Minute {
			t.Fatalf("waited for %s: %+v", what, st)
		}
	}
}

func live(st restream.Status) bool { return st.State == restream.Live }

// receiver runs one of our own servers on an address, until stop.
func receiver(t *testing.T, protocol, address string, g ingest.Gate) (url string, stop func()) {
	t.Helper()
	var run func(context.Context) error
	switch protocol {
	case "rtmp":
		listener := port.Listen(t, address)
		server, err := rtmp.New(rtmp.Config{Listener: listener, Gate: g, Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry()})
		if err != nil {
			t.Fatal(err)
		}
		url, run = "rtmp://"+listener.Addr().String()+"/live/demo", server.Run
	default:
		server := port.Again(t, func() (*srt.Server, error) {
			return srt.New(srt.Config{
				Address: address, Passphrase: "correct horse", Gate: g, Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(),
			})
		})
		url, run = "srt://"+server.Address()+"?streamid=publish:demo&passphrase=correct%20horse", server.Run
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx) }()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			if err := <-ended; err != nil {
				t.Errorf("%s: %v", protocol, err)
			}
		})
	}
	t.Cleanup(stop)
	return url, stop
}

// TestEverythingArrives pushes a stream to its end, to our own servers: every picture, with its sound, to the last.
func TestEverythingArrives(t *testing.T) {
	for _, protocol := range []string{"rtmp", "srt"} {
		t.Run(protocol, func(t *testing.T) {
			t.Parallel()
			g := ingesttest.NewGate()
			url, _ := receiver(t, protocol, "127.0.0.1:0", g)
			s := newShow(t)
			server, _ := push(t, s, url)
			s.lap(t, 0, atOnce)
			until(t, server, 0, "the connection", live)
			s.lap(t, 1, atOnce)
			s.lap(t, 2, atOnce)
			s.hub.Close(nil)
			r := g.Wait(t)
			pictures, sounds := r.Units[media.H264], r.Units[media.AAC]
			if r.Reason != nil || len(r.Tracks) != 2 || r.Tracks[0].Width != 320 {
				t.Errorf("ended with %v, tracks %+v", r.Reason, r.Tracks)
			}
			// The push begins with the newest key frame that is there: with the first, or the second.
			if len(pictures) != 180 && len(pictures) != 150 {
				t.Fatalf("%d pictures came", len(pictures))
			}
			for i, u := range pictures[1:] {
				if u.DTS <= pictures[i].DTS {
					t.Fatalf("picture %d goes back", i)
				}
			}
			if want := len(pictures) * 3 / 2; len(sounds) < want-2 || len(sounds) > want+2 {
				t.Errorf("%d packets of sound for %d pictures", len(sounds), len(pictures))
			}
			st := until(t, server, 0, "the end", func(st restream.Status) bool { return st.State == restream.Idle })
			if st.Bytes == 0 || st.Restarts != 0 || strings.Contains(st.Server, "demo") {
				t.Errorf("%+v", st)
			}
		})
	}
}

// soundShow is a live stream without pictures.
func soundShow(t *testing.T) *show {
	t.Helper()
	metrics, err := playback.NewMetrics(prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	s := &show{}
	if s.hub, err = playback.New(playback.Config{ID: "show", Logger: slog.New(slog.DiscardHandler), Metrics: metrics}); err != nil {
		t.Fatal(err)
	}
	_, s.audio = material(t)
	s.hub.AddAudio(0, s.audio.Track)
	if err := s.hub.SetAudioOnly(); err != nil {
		t.Fatal(err)
	}
	return s
}

// packets publishes the packets of sound from one number up to another.
func (s *show) packets(t *testing.T, from, to int) {
	t.Helper()
	for i := from; i < to; i++ {
		u := &media.Unit{PTS: int64(i) * 1024, DTS: int64(i) * 1024, Key: true, Payload: s.audio.Units[i%len(s.audio.Units)].Payload}
		if err := s.hub.PublishAudio(0, media.AAC, u); err != nil {
			t.Fatal(err)
		}
	}
}

// TestSoundAloneComesBack loses the server of a stream without pictures: the next connection begins with what comes then, and
// repeats nothing.
func TestSoundAloneComesBack(t *testing.T) {
	t.Parallel()
	address := port.Free(t)
	url, kill := receiver(t, "rtmp", address, ingesttest.NewGate())
	s := soundShow(t)
	server, _ := push(t, s, url)
	n := 0
	more := func(packets int) {
		s.packets(t, n, n+packets)
		n += packets
	}
	more(200)
	until(t, server, 0, "the connection", live)
	kill()
	until(t, server, 0, "the loss", func(st restream.Status) bool { more(1); return st.Restarts > 0 })
	lost := n
	again := ingesttest.NewGate()
	receiver(t, "rtmp", address, again)
	until(t, server, 0, "another connection", live)
	const after = 100
	more(after / 2)
	wait(2500 * time.Millisecond) // for as long RTMP's servers wait for pictures
	more(after / 2)
	s.hub.Close(nil)
	// The newest packets are there when the connection is made: they may come again.
	if came := len(again.Wait(t).Units[media.AAC]); came < after || came > after+lost/2 {
		t.Errorf("%d packets came of %d, and %d before them", came, after, lost)
	}
}

// TestSoundAlone pushes a stream without pictures.
func TestSoundAlone(t *testing.T) {
	for _, protocol := range []string{"rtmp", "srt"} {
		t.Run(protocol, func(t *testing.T) {
			t.Parallel()
			g := ingesttest.NewGate()
			url, _ := receiver(t, protocol, "127.0.0.1:0", g)
			s := soundShow(t)
			if protocol == "srt" {
				url += "&latency=800" // what comes later than that is dropped, and this machine may be busy
			}
			server, _ := push(t, s, url)
			s.packets(t, 0, 100)
			until(t, server, 0, "the connection", live)
			wait(2500 * time.Millisecond) // for as long RTMP's servers wait for pictures
			s.packets(t, 100, 200)
			s.hub.Close(nil)
			r := g.Wait(t)
			if r.Reason != nil || len(r.Tracks) != 1 || len(r.Units[media.AAC]) < 199 {
				t.Errorf("ended with %v, tracks %+v, %d packets", r.Reason, r.Tracks, len(r.Units[media.AAC]))
			}
		})
	}
}

// TestFFmpegReceives pushes to ffmpeg as a server, and counts the pictures in its file.
func TestFFmpegReceives(t *testing.T) {
	for name, tc := range map[string]struct{ listen, push string }{
		"rtmp": {"rtmp://%s/live/demo", "rtmp://%s/live/demo"},
		// It holds packets back for 2 s, by its own wish: those of the end are lost where that is not waited for.
		"srt": {"srt://%s?mode=listener&latency=2000000&passphrase=correct horse", "srt://%s?passphrase=correct%%20horse&streamid=x"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address := port.Free(t)
			file := filepath.Join(t.TempDir(), "out.mkv")
			args := []string{"-v", "error", "-nostdin"}
			if name == "rtmp" {
				args = append(args, "-listen", "1")
			}
			args = append(args, "-i", fmt.Sprintf(tc.listen, address), "-map", "0", "-c", "copy", file)
			ffmpeg := exec.CommandContext(t.Context(), "/usr/bin/ffmpeg", args...)
			var said strings.Builder
			ffmpeg.Stderr = &said
			if err := ffmpeg.Start(); err != nil {
				t.Fatal(err)
			}
			s := newShow(t)
			server, _ := push(t, s, fmt.Sprintf(tc.push, address))
			s.lap(t, 0, atOnce)
			until(t, server, 0, "the connection", live) // ffmpeg needs a moment to listen
			for n := range 3 {
				s.lap(t, n+1, atOnce)
			}
			s.hub.Close(nil)
			if err := ffmpeg.Wait(); err != nil {
				t.Fatalf("ffmpeg: %v\n%s", err, said.String())
			}
			count, err := exec.CommandContext(t.Context(), "/usr/bin/ffprobe", "-v", "error", "-count_frames", "-select_streams", "v",
				"-show_entries", "stream=nb_read_frames", "-of", "csv=p=0", file).Output()
			// From a key frame of the first lap on.
			if n := strings.Trim(string(count), "\n,"); err != nil || n != "240" && n != "210" {
				t.Errorf("%s pictures decoded, want 210 or 240; %v %s", n, err, said.String())
			}
		})
	}
}

// TestComesBack pushes to a server that is killed and started anew, while another that hangs takes nothing at all, and a
// third is never there: the stream is published at its pace, and the first goes on with a key frame.
func TestComesBack(t *testing.T) {
	for _, protocol := range []string{"rtmp", "srt"} {
		t.Run(protocol, func(t *testing.T) {
			t.Parallel()
			first := ingesttest.NewGate()
			address := port.Free(t)
			url, kill := receiver(t, protocol, address, first)
			hangs, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer hangs.Close()
			s := newShow(t)
			server, stop := push(t, s, url, "rtmp://"+hangs.Addr().String()+"/live/SECRET", "rtmp://127.0.0.1:1/live/SECRET")
			over := make(chan struct{})
			published := make(chan struct{})
			go func() {
				defer close(published)
				for n := 0; ; n++ {
					select {
					case <-over:
						return
					default:
						s.lap(t, n, func() { wait(5 * time.Millisecond) })
					}
				}
			}()
			until(t, server, 0, "the first connection", func(st restream.Status) bool { return live(st) && st.Bytes > 0 })
			kill()
			until(t, server, 0, "the loss", func(st restream.Status) bool { return st.Restarts > 0 })
			again := ingesttest.NewGate()
			receiver(t, protocol, address, again)
			st := until(t, server, 0, "another connection", live)
			if st.LastError == "" {
				t.Errorf("%+v", st)
			}
			<-again.Next(t).Started
			dead := until(t, server, 2, "the dead one", func(st restream.Status) bool { return st.Restarts > 2 })
			if dead.Bytes != 0 || strings.Contains(dead.LastError+dead.Server, "SECRET") {
				t.Errorf("the one that is never there: %+v", dead)
			}
			until(t, server, 1, "the one that hangs", func(st restream.Status) bool { return st.State == restream.Connecting && st.Bytes == 0 })
			stop()
			close(over)
			<-published
		})
	}
}

// TestImpossible asks for a rendition that there is not, and checks addresses.
func TestImpossible(t *testing.T) {
	s := newShow(t)
	server, err := restream.New(restream.Config{
		Targets: []restream.Target{{Stream: "show", Rendition: "4320p", URL: "rtmp://127.0.0.1/live/x"}},
		Logger:  slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(),
	})
	if err != nil {
		t.Fatal(err)
	}
	ingesttest.Run(t, server.Run)
	for server.Targets("show")[0].State == restream.Idle {
		server.Begin(s.hub)
		wait(10 * time.Millisecond)
	}
	st := until(t, server, 0, "the refusal", func(st restream.Status) bool { return st.LastError != "" })
	if st.State != restream.Impossible || !strings.Contains(st.LastError, "4320p") {
		t.Errorf("%+v", st)
	}
	s.hub.Close(nil)
	until(t, server, 0, "the end", func(st restream.Status) bool { return st.State == restream.Idle })
	for _, url := range []string{
		"http://a/live/SECRET", "rtmp://a/SECRET", "srt://a?streamid=SECRET", "srt://a:1?passphrase=SECRET", "srt://a:1?secret=SECRET",
		"srt://a:1?latency=SECRET", "srt://a:1?pbkeylen=SECRET", "srt://a:1?streamid=SECRET&mode=listener", "srt://a:%zz?streamid=SECRET", "srt://a:1?streamid=#!::r=SECRET",
	} {
		if err := (restream.Target{Stream: "show", URL: url}).Check(); err == nil || strings.Contains(err.Error(), "SECRET") {
			t.Errorf("%s: %v", url, err)
		}
	}
}
