package worker_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"castnet/internal/media"
	"castnet/transcoder"
	"castnet/transcoder/worker"
)

// stubDriver is testdata/stubdriver.c, a stub of the NVIDIA driver's libraries, built by the system's C compiler.
var stubDriver = sync.OnceValues(func() (string, error) {
	engine, err := binary()
	if err != nil {
		return "", err
	}
	path := filepath.Join(filepath.Dir(engine), "stubdriver.so")
	out, err := exec.Command("cc", "-shared", "-fPIC", "-w", "-o", path, "testdata/stubdriver.c").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return path, nil
})

// stubMachine is a folder with the real worker, and the stub of the driver that its libav loads.
func stubMachine(t *testing.T, libraries ...string) (dir string) {
	t.Helper()
	engine, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	driver, err := stubDriver()
	if err != nil {
		t.Fatal(err)
	}
	dir = t.TempDir()
	err = os.Link(engine, filepath.Join(dir, "castnet-worker"))
	for _, name := range libraries {
		err = errors.Join(err, os.Link(driver, filepath.Join(dir, name+".so.1")))
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("LD_LIBRARY_PATH", dir)
	return dir
}

// setCard has the stub's card fail in a way that the stub's source names.
func setCard(t *testing.T, dir, faults string) {
	t.Helper()
	path := filepath.Join(dir, "card")
	if err := errors.Join(os.WriteFile(path+".new", []byte(faults), 0o600), os.Rename(path+".new", path)); err != nil {
		t.Fatal(err)
	}
}

const cuda, cuvid, nvenc = "libcuda", "libnvcuvid", "libnvidia-encode"

// The real worker's self-test against a stub of the driver: what each kind of machine can do, and the line that says why
// not more.
func TestSelfTestOfCards(t *testing.T) {
	all := []media.Codec{media.H264, media.HEVC, media.AV1}
	for _, c := range []struct {
		name, faults string
		libraries    []string
		decodes      int
		encodes      []media.Codec
		says         string
	}{
		{"a card with all of it", "", []string{cuda, cuvid, nvenc}, 5, all, ""},
		{"H100, H200", "open 2", []string{cuda, cuvid, nvenc}, 5, nil, "cannot encode H264, HEVC, AV1: no NVENC on this card"},
		{"no encoder", "open 1", []string{cuda, cuvid, nvenc}, 5, nil, "no NVENC on this card"},
		{"session limit", "open 10", []string{cuda, cuvid, nvenc}, 5, nil, "takes no more encoding sessions"},
		{"Turing", "noav1 1", []string{cuda, cuvid, nvenc}, 5, all[:2], "cannot encode AV1: the NVENC of this card makes no AV1"},
		{"old driver", "version 191", []string{cuda, cuvid, nvenc}, 5, nil, "the driver is too old"},
		{"container without video", "", []string{cuda, cuvid}, 5, nil, "NVIDIA_DRIVER_CAPABILITIES"},
		{"driver without a card", "init 100", []string{cuda, cuvid, nvenc}, 0, nil, "no CUDA device 0"},
		{"no driver", "", nil, 0, nil, "no NVIDIA driver is installed"},
		{"a card that has failed", "decode 719", []string{cuda, cuvid, nvenc}, 0, nil, "the card failed"},
		{"an encoder that has failed", "encode 20", []string{cuda, cuvid, nvenc}, 5, nil, "cannot encode H264"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := stubMachine(t, c.libraries...)
			setCard(t, dir, c.faults)
			places, err := worker.Probe(t.Context(), filepath.Join(dir, "castnet-worker"))
			if err != nil {
				t.Fatal(err)
			}
			card := places[0]
			if len(card.Decode) != c.decodes || !slices.Equal(card.Encode, c.encodes) {
				t.Errorf("decodes %v, encodes %v; want %d and %v", card.Decode, card.Encode, c.decodes, c.encodes)
			}
			if !strings.Contains(card.Problem, c.says) || (c.says == "") != (card.Problem == "") {
				t.Errorf("says %q, want %q", card.Problem, c.says)
			}
			if last := places[len(places)-1]; last.Device.Backend != transcoder.Software || len(last.Encode) == 0 {
				t.Errorf("the processor: %+v", last)
			}
		})
	}
}

// What NVENC is asked for is what live work needs: no B-frames (distance 1), no look-ahead, nothing held back, keys only
// where they are asked for, constant bit rate with a buffer of a second, headers before each key, ultra-low latency (3).
func TestEncoderOptions(t *testing.T) {
	dir := stubMachine(t, cuda, cuvid, nvenc)
	cmd := exec.CommandContext(t.Context(), filepath.Join(dir, "castnet-worker"), "probe", "nvidia:0")
	cmd.Env = append(os.Environ(), "CASTNET_STUB_TELLS=1")
	var told strings.Builder
	cmd.Stderr = &told
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	common := " size=256x144 rate=30000/1000 tuning=3 gop=1048576 distance=1 control=2 bits=200000 most=200000 vbv=200000" +
		" minqp=-1 lookahead=0 delayed=0 headers="
	want := "nvenc codec=0" + common + "1\nnvenc codec=1" + common + "-1\nnvenc codec=2" + common + "-1\n"
	if told.String() != want {
		t.Errorf("told:\n%swant:\n%s", told.String(), want)
	}
}

// Streams through the real worker and the stub's card: no picture is missing or comes twice, whatever the card refuses.
func TestCardsLoseNothing(t *testing.T) {
	for _, c := range []struct {
		name        string
		before, mid string // the card's faults when the streams begin, and in their middle
		backend     transcoder.Backend
		moves       int // of both streams
	}{
		{name: "all on the card", backend: transcoder.Nvidia},
		{name: "decoded on the card, encoded by x264", backend: transcoder.NvidiaDecode},
		{name: "no memory for a decoder: the processor decodes", before: "create 2", backend: transcoder.Nvidia},
		{name: "as many sessions as rungs", before: "sessions 2", backend: transcoder.Nvidia}, // of each process
		{name: "a session less than rungs", before: "sessions 1", backend: transcoder.Nvidia, moves: 2},
		{name: "no session left", before: "open 10", backend: transcoder.Nvidia, moves: 2},
		{name: "the decoder fails", mid: "decode 719", backend: transcoder.Nvidia, moves: 2},
		{name: "the scaler fails", mid: "launch 719", backend: transcoder.Nvidia, moves: 2},
		{name: "the encoder fails", mid: "encode 20", backend: transcoder.Nvidia, moves: 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := stubMachine(t, cuda, cuvid, nvenc)
			setCard(t, dir, c.before)
			card := transcoder.Place{
				Device: transcoder.Device{Backend: c.backend}, Decode: []media.Codec{media.H264}, Encode: []media.Codec{media.H264},
			}
			m := &machine{t: t, metrics: prometheus.NewRegistry(), dir: dir}
			m.pool = startConfig(t, worker.Config{
				Binary: filepath.Join(dir, "castnet-worker"), Logger: slog.New(slog.NewTextHandler(t.Output(), nil)),
				Places: []transcoder.Place{card, worker.Processor()}, MaxSessions: 4, Registerer: m.metrics,
			})
			moves := m.watch([]string{"a", "b"}, func() {
				if c.mid != "" {
					setCard(t, dir, c.mid)
				}
			})
			if n := moves["a"] + moves["b"]; n != c.moves {
				t.Errorf("%d moves, want %d", n, c.moves)
			}
		})
	}
}

// On the card, too, renditions begin with a key in each segment, and have one where it is asked for.
func TestCardMakesKeys(t *testing.T) {
	dir := stubMachine(t, cuda, cuvid, nvenc)
	p := startConfig(t, worker.Config{
		Binary: filepath.Join(dir, "castnet-worker"), Logger: slog.New(slog.DiscardHandler),
		Places: []transcoder.Place{{Device: stubCard, Decode: []media.Codec{media.H264}, Encode: []media.Codec{media.H264}}},
	})
	s := open(t, p)
	v := video(t)
	var want, got []int64
	for seq, units := range gops(v) {
		want = append(want, units[0].PTS)
		err := rendered(t.Context(), s, part{track: v.Track, seq: uint64(seq), units: units}, func(r transcoder.Rendered) {
			if r.Rendition == 0 && r.Unit.Key {
				got = append(got, r.Unit.PTS)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("keys at %v, want %v", got, want)
	}
}

// Each picture that a card encodes has its closed captions, and has them once: NVENC writes those of H264 and HEVC, and we
// AV1's.
func TestCardCaptions(t *testing.T) {
	dir := stubMachine(t, cuda, cuvid, nvenc)
	codecs := []media.Codec{media.H264, media.HEVC, media.AV1}
	p := startConfig(t, worker.Config{
		Binary: filepath.Join(dir, "castnet-worker"), Logger: slog.New(slog.DiscardHandler),
		Places: []transcoder.Place{{Device: stubCard, Decode: codecs, Encode: codecs}},
	})
	var l transcoder.Ladder
	for _, c := range codecs {
		l = append(l, transcoder.Profile{Name: c.String(), Codec: c, Width: 320, Height: 180, Bitrate: 300_000, Divisor: 1})
	}
	s, err := p.Open(t.Context(), transcoder.SessionConfig{Ladder: l})
	if err != nil {
		t.Fatal(err)
	}
	defer shut(t, s)
	v := video(t)
	said := []byte("GA94\x03\x41\xff\xfcAb") // ATSC A/53 part 4, 6.2.3: one triplet
	sei := slices.Concat([]byte{0, 0, 0, 1, 6, 4, 14, 0xb5, 0, 0x31}, said, []byte{0xff, 0x80})
	var units []*media.Unit
	for _, u := range gops(v)[0] {
		captioned := *u
		captioned.Payload = slices.Concat(sei, u.Payload)
		units = append(units, &captioned)
	}
	pictures := make([]int, len(l))
	err = rendered(t.Context(), s, part{track: v.Track, units: units}, func(r transcoder.Rendered) {
		pictures[r.Rendition]++
		if n := bytes.Count(r.Unit.Payload, said[len(said)-3:]); n != 1 {
			t.Errorf("%s: captions %d times in %q", l[r.Rendition].Name, n, r.Unit.Payload)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	for r, n := range pictures {
		if n != len(units) {
			t.Errorf("%s: %d pictures, want %d", l[r].Name, n, len(units))
		}
	}
}

// rendered plays a segment to its end and calls with for each unit that is made of it.
func rendered(ctx context.Context, s transcoder.Session, p part, with func(transcoder.Rendered)) error {
	sent := make(chan error, 1)
	go func() {
		err := s.Send(ctx, transcoder.StartSegment{Seq: p.seq, Track: p.track, Fresh: p.seq == 0, FirstPTS: p.units[0].PTS})
		for _, u := range p.units {
			err = errors.Join(err, s.Send(ctx, transcoder.WriteUnit{Unit: u}))
		}
		sent <- errors.Join(err, s.Send(ctx, transcoder.EndSegment{Seq: p.seq, Drain: true}))
	}()
	for {
		out, err := s.Recv(ctx)
		if err != nil {
			return err
		}
		switch o := out.(type) {
		case transcoder.Rendered:
			with(o)
		case transcoder.BadInput:
			return fmt.Errorf("%+v", o)
		case transcoder.SegmentDone:
			return <-sent
		}
	}
}
