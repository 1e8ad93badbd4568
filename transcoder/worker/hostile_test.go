package worker_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"castnet/internal/media"
	"castnet/test/clip"
	"castnet/transcoder"
	"castnet/transcoder/worker"
)

// The limit of one input. It is for a slow, loaded machine: what is over it hangs.
const hostileLimit = 30 * time.Second

// attack is one segment that somebody made up.
type attack struct {
	track *media.Track
	first int64
	units []*media.Unit
}

// spoilers make an attack out of a good segment. All that they do comes from the seed.
func spoilers(bomb, other *clip.Video) map[string]func(*rand.Rand, *attack) {
	pick := func(r *rand.Rand, a *attack) *media.Unit { return a.units[r.IntN(len(a.units))] }
	return map[string]func(*rand.Rand, *attack){
		"truncated units": func(r *rand.Rand, a *attack) {
			for range 1 + r.IntN(4) {
				u := pick(r, a)
				u.Payload = u.Payload[:1+r.IntN(len(u.Payload))]
			}
		},
		"flipped bits": func(r *rand.Rand, a *attack) {
			for range 1 + r.IntN(64) {
				u := pick(r, a)
				u.Payload[r.IntN(len(u.Payload))] ^= 1 << r.IntN(8)
			}
		},
		"flipped bits in the headers": func(r *rand.Rand, a *attack) {
			for range 1 + r.IntN(16) {
				u := a.units[0]
				u.Payload[r.IntN(min(len(u.Payload), 64))] ^= 1 << r.IntN(8)
			}
		},
		"bytes cut out and put in": func(r *rand.Rand, a *attack) {
			for range 1 + r.IntN(8) {
				u := pick(r, a)
				at := r.IntN(len(u.Payload))
				n := r.IntN(min(64, len(u.Payload)-at) + 1)
				if n == len(u.Payload) {
					continue
				}
				u.Payload = slices.Concat(u.Payload[:at], noise(r, r.IntN(64)), u.Payload[at+n:])
				if len(u.Payload) == 0 {
					u.Payload = []byte{0}
				}
			}
		},
		"runs of one byte": func(r *rand.Rand, a *attack) {
			u := pick(r, a)
			at := r.IntN(len(u.Payload))
			for i := at; i < min(len(u.Payload), at+1+r.IntN(256)); i++ {
				u.Payload[i] = byte(r.IntN(2) * 0xff)
			}
		},
		"units in another order": func(r *rand.Rand, a *attack) {
			r.Shuffle(len(a.units), func(i, j int) { a.units[i], a.units[j] = a.units[j], a.units[i] })
		},
		"units missing": func(r *rand.Rand, a *attack) {
			for range 1 + r.IntN(5) {
				i := r.IntN(len(a.units))
				if len(a.units) > 1 {
					a.units = slices.Delete(a.units, i, i+1)
				}
			}
		},
		"another codec": func(r *rand.Rand, a *attack) {
			t := *a.track
			for t.Codec == a.track.Codec {
				t.Codec = media.H264 + media.Codec(r.IntN(5))
			}
			a.track = &t
		},
		"another size inside": func(r *rand.Rand, a *attack) {
			at := r.IntN(len(a.units))
			for i, u := range other.Units[:min(len(other.Units), len(a.units)-at)] {
				a.units[at+i].Payload = slices.Clone(u.Payload)
			}
		},
		"parameter sets of another size alone": func(r *rand.Rand, a *attack) {
			u := pick(r, a)
			u.Payload = slices.Concat(other.Track.Config, u.Payload)
		},
		"16384x16384 claimed": func(r *rand.Rand, a *attack) {
			u := a.units[0]
			u.Payload = slices.Concat(spsOf(1024, 1024, r.IntN(17)), u.Payload)
		},
		"any size claimed": func(r *rand.Rand, a *attack) {
			u := pick(r, a)
			u.Payload = slices.Concat(spsOf(1+r.IntN(1<<r.IntN(20)), 1+r.IntN(1<<r.IntN(20)), r.IntN(17)), u.Payload)
		},
		"a million slices": func(r *rand.Rand, a *attack) {
			u := pick(r, a)
			u.Payload = bytes.Repeat(append([]byte{0, 0, 1}, u.Payload[min(4, len(u.Payload)-1)]), 1<<r.IntN(20))
		},
		"a slice repeated": func(r *rand.Rand, a *attack) {
			u := pick(r, a)
			u.Payload = bytes.Repeat(u.Payload, 1+r.IntN(200))
		},
		"no key": func(r *rand.Rand, a *attack) {
			a.units = a.units[1:]
			a.units[0].Key = r.IntN(2) == 0 // or one that is none
		},
		"timestamps backwards": func(r *rand.Rand, a *attack) {
			for i, u := range a.units {
				u.PTS = a.first + int64(len(a.units)-i)*int64(r.IntN(4))
			}
		},
		"timestamps from nowhere": func(r *rand.Rand, a *attack) {
			for range 1 + r.IntN(4) {
				u := pick(r, a)
				u.PTS, u.DTS = r.Int64()-r.Int64(), r.Int64()-r.Int64()
			}
			if r.IntN(2) == 0 {
				pick(r, a).PTS = math.MaxInt64
			}
		},
		"another reorder depth and rate": func(r *rand.Rand, a *attack) {
			t := *a.track
			t.Reorder, t.FrameRate = r.IntN(17), float64(r.IntN(1001))
			a.track = &t
		},
		"a configuration of noise": func(r *rand.Rand, a *attack) {
			t := *a.track
			t.Config = noise(r, r.IntN(256))
			a.track = &t
		},
		"noise": func(r *rand.Rand, a *attack) {
			for _, u := range a.units {
				u.Payload = noise(r, 1+r.IntN(4096))
			}
		},
		"noise after a start code": func(r *rand.Rand, a *attack) {
			for _, u := range a.units {
				u.Payload = append([]byte{0, 0, 0, 1, byte(r.IntN(256))}, noise(r, r.IntN(1024))...)
			}
		},
		"units over the limit": func(r *rand.Rand, a *attack) {
			pick(r, a).Payload = make([]byte, media.MaxUnitBytes+r.IntN(2))
		},
		"a bomb": func(r *rand.Rand, a *attack) { // 4096x4096 pictures of some hundred bytes each
			a.track = bomb.Track
			a.units = nil
			for _, u := range bomb.Units[:1+r.IntN(3)] {
				c := *u
				c.PTS += a.first
				a.units = append(a.units, &c)
			}
		},
	}
}

func noise(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// spsOf is an H264 sequence parameter set (7.3.2.1.1, baseline) of a size in macroblocks.
func spsOf(width, height, references int) []byte {
	var bits []byte
	put := func(n int, v uint64) {
		for i := n - 1; i >= 0; i-- {
			bits = append(bits, byte(v>>i&1))
		}
	}
	golomb := func(v int) {
		n := 0
		for (v+1)>>(n+1) > 0 {
			n++
		}
		put(n, 0)
		put(n+1, uint64(v+1))
	}
	put(24, 66<<16|62)                             // profile, level
	for _, v := range []int{0, 0, 2, references} { // id, frame number bits, order by decoding, references
		golomb(v)
	}
	put(1, 0)
	golomb(width - 1)
	golomb(height - 1)
	put(5, 0b11001) // frames only, 8x8 inference, no cropping, no VUI, the stop bit
	for len(bits)%8 != 0 {
		put(1, 0)
	}
	out := []byte{0, 0, 0, 1, 0x67}
	for i := 0; i < len(bits); i += 8 {
		var b byte
		for _, bit := range bits[i : i+8] {
			b = b<<1 | bit
		}
		out = append(out, b)
	}
	return out
}

// outcomes counts what became of the attacks of each kind.
type outcomes map[string]map[string]int

func (o outcomes) add(kind, outcome string) {
	if o[kind] == nil {
		o[kind] = map[string]int{}
	}
	o[kind][outcome]++
}

func (o outcomes) String() string {
	var b strings.Builder
	columns := []string{"made", "refused", "session ended", "worker died", "worker hung"}
	fmt.Fprintf(&b, "| kind | %s |\n|---|%s\n", strings.Join(columns, " | "), strings.Repeat("---|", len(columns)))
	for _, kind := range slices.Sorted(maps.Keys(o)) {
		fmt.Fprintf(&b, "| %s |", kind)
		for _, c := range columns {
			fmt.Fprintf(&b, " %d |", o[kind][c])
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// Hostile input costs its own session something, within limits, and nobody else anything. CASTNET_HOSTILE says how many.
func TestHostile(t *testing.T) {
	count := 500
	if text := os.Getenv("CASTNET_HOSTILE"); text != "" {
		var err error
		if count, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	victims := hostileSources(t)
	bomb := coded(t, media.H264, "fps=30,scale=4096:4096,drawbox=c=gray:t=fill,format=yuv420p", "-c:v", "libx264", "-preset", "ultrafast", "-bf", "0", "-g", "30")
	other := coded(t, media.H264, "fps=30,scale=400:300,format=yuv420p", "-c:v", "libx264", "-preset", "veryfast", "-bf", "0", "-g", "30")
	kinds := spoilers(bomb, other)
	names := slices.Sorted(maps.Keys(kinds))
	p := start(t, worker.Config{MaxSessions: 4, Stall: hostileLimit / 2})
	stop, neighbour := undisturbed(t, p)
	h := &hostility{pool: p, seen: outcomes{}}
	defer h.close(t)
	for i := range count {
		r := rand.New(rand.NewPCG(1, uint64(i)))
		kind := names[i%len(names)]
		a := copyOf(victims[r.IntN(len(victims))])
		kinds[kind](r, a)
		h.send(t, i, kind, a)
	}
	close(stop)
	if err := <-neighbour; err != nil {
		t.Errorf("another session: %v", err)
	}
	t.Logf("%d attacks\n%s", count, h.seen)
}

func coded(t *testing.T, c media.Codec, filter string, args ...string) *clip.Video {
	t.Helper()
	v, err := clip.MakeCoded(t.Context(), clip.Coded{Codec: c, Seconds: 1, Filter: filter, Args: args})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func hostileSources(t *testing.T) []*clip.Video {
	t.Helper()
	const small = "fps=15,scale=160:96,setsar=1,format=yuv420p"
	return []*clip.Video{
		coded(t, media.H264, small, "-c:v", "libx264", "-preset", "veryfast", "-bf", "2", "-g", "15"),
		coded(t, media.H264, "fps=15,scale=160:96,format=yuv422p10le", "-c:v", "libx264", "-preset", "veryfast", "-flags", "+ildct+ilme", "-g", "15"),
		coded(t, media.HEVC, small, "-c:v", "libx265", "-preset", "veryfast", "-x265-params", "keyint=15:log-level=error"),
		coded(t, media.AV1, small, "-c:v", "libaom-av1", "-usage", "realtime", "-cpu-used", "8", "-g", "15", "-b:v", "200k"),
		coded(t, media.VP8, small, "-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-g", "15", "-b:v", "200k"),
		coded(t, media.VP9, small, "-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-g", "15", "-b:v", "200k"),
	}
}

// copyOf makes a segment that may be spoiled.
func copyOf(v *clip.Video) *attack {
	a := &attack{track: v.Track, first: v.Units[0].PTS}
	for _, u := range v.Units {
		c := *u
		c.Payload = slices.Clone(u.Payload)
		a.units = append(a.units, &c)
	}
	return a
}

// hostility is a session that is opened anew whenever an attack has ended it.
type hostility struct {
	pool    *worker.Pool
	session transcoder.Session
	seen    outcomes
}

func (h *hostility) close(t *testing.T) {
	t.Helper()
	if h.session != nil {
		shut(t, h.session)
		h.session = nil
	}
}

func (h *hostility) send(t *testing.T, i int, kind string, a *attack) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), hostileLimit)
	defer cancel()
	if h.session == nil {
		var err error
		if h.session, err = h.pool.Open(ctx, transcoder.SessionConfig{ID: "hostile", Ladder: ladder}); err != nil {
			t.Fatalf("attack %d: %v", i, err)
		}
	}
	sent := make(chan struct{})
	seq := uint64(i)
	go func() {
		defer close(sent)
		err := h.session.Send(ctx, transcoder.StartSegment{Seq: seq, Track: a.track, FirstPTS: a.first, Fresh: true})
		for _, u := range a.units {
			if err == nil {
				err = h.session.Send(ctx, transcoder.WriteUnit{Unit: u})
			}
		}
		if err == nil {
			_ = h.session.Send(ctx, transcoder.EndSegment{Seq: seq, Drain: true}) // else Recv says it
		}
	}()
	outcome, why := h.outcome(ctx, seq)
	if ctx.Err() != nil {
		t.Fatalf("attack %d (%s): no outcome within %v", i, kind, hostileLimit)
	}
	if (outcome == "refused" || outcome == "session ended") && why == "" {
		t.Errorf("attack %d (%s): %s without a reason", i, kind, outcome)
	}
	if strings.HasPrefix(outcome, "worker") {
		t.Logf("attack %d (%s): %s", i, kind, why)
	}
	h.seen.add(kind, outcome)
	if outcome != "made" && outcome != "refused" {
		h.close(t)
	}
	<-sent
}

func (h *hostility) outcome(ctx context.Context, seq uint64) (outcome, why string) {
	for {
		out, err := h.session.Recv(ctx)
		switch {
		case errors.Is(err, transcoder.ErrWorkerDied) && strings.Contains(err.Error(), "silent"):
			return "worker hung", err.Error()
		case errors.Is(err, transcoder.ErrWorkerDied):
			return "worker died", err.Error()
		case err != nil:
			return "session ended", err.Error()
		}
		switch o := out.(type) {
		case transcoder.SegmentDone:
			if o.Seq == seq {
				return "made", ""
			}
		case transcoder.BadInput:
			if o.Seq == seq {
				return "refused", o.Reason
			}
		}
	}
}

// undisturbed plays a good stream in the same pool until stop is closed, and says whether a picture was missing.
func undisturbed(t *testing.T, p *worker.Pool) (stop chan struct{}, result <-chan error) {
	t.Helper()
	v := video(t)
	s := open(t, p)
	stop = make(chan struct{})
	done := make(chan error, 1)
	go func() {
		for turn := uint64(0); ; turn++ {
			select {
			case <-stop:
				done <- nil
				return
			default:
			}
			if err := oneTurn(t.Context(), s, v, turn); err != nil {
				done <- err
				return
			}
		}
	}()
	return stop, done
}

func oneTurn(ctx context.Context, s transcoder.Session, v *clip.Video, turn uint64) error {
	shift := int64(turn) * 4 * media.VideoClockRate
	sent := make(chan error, 1)
	go func() {
		err := s.Send(ctx, transcoder.StartSegment{Seq: turn, Track: v.Track, FirstPTS: v.Units[0].PTS + shift, Fresh: turn == 0})
		for _, u := range v.Units {
			c := *u
			c.PTS, c.DTS = c.PTS+shift, c.DTS+shift
			err = errors.Join(err, s.Send(ctx, transcoder.WriteUnit{Unit: &c}))
		}
		sent <- errors.Join(err, s.Send(ctx, transcoder.EndSegment{Seq: turn, Drain: true}))
	}()
	pictures := 0
	for {
		out, err := s.Recv(ctx)
		if err != nil {
			return err
		}
		switch o := out.(type) {
		case transcoder.Rendered:
			pictures++
		case transcoder.BadInput:
			return fmt.Errorf("%+v", o)
		case transcoder.SegmentDone:
			if want := len(v.Units) * len(ladder); pictures != want {
				return fmt.Errorf("%d pictures of %d", pictures, want)
			}
			return <-sent
		}
	}
}
