package bandwidth_test

import (
	"slices"
	"testing"
	"time"

	"github.com/pion/rtcp"

	"castnet/broadcaster/playback/whep/bandwidth"
)

const (
	second = time.Second
	good   = 20e6
)

var ladder = []float64{300_000, 900_000, 2_500_000}

// TestFindsTheLargest: on whatever link, the largest rendition that fits is soon shown, and stays.
func TestFindsTheLargest(t *testing.T) {
	for name, tc := range map[string]struct {
		link  conditions
		reply time.Duration
		drift float64
		want  int
	}{
		"fast":               {link: conditions{capacity: good, delay: 10 * time.Millisecond}, want: 2},
		"far away":           {link: conditions{capacity: good, delay: 300 * time.Millisecond}, want: 2},
		"rare reports":       {link: conditions{capacity: good, delay: 20 * time.Millisecond}, reply: 250 * time.Millisecond, want: 2},
		"quick clock":        {link: conditions{capacity: good, delay: 20 * time.Millisecond}, drift: 200e-6, want: 2},
		"slow clock":         {link: conditions{capacity: good, delay: 20 * time.Millisecond}, drift: -200e-6, want: 2},
		"radio":              {link: conditions{capacity: good, delay: 20 * time.Millisecond, jitter: 50 * time.Millisecond, loss: 0.05}, want: 2},
		"4 Mb/s":             {link: conditions{capacity: 4e6, delay: 20 * time.Millisecond}, want: 2},
		"2 Mb/s":             {link: conditions{capacity: 2e6, delay: 20 * time.Millisecond}, want: 1},
		"1.3 Mb/s":           {link: conditions{capacity: 1.3e6, delay: 20 * time.Millisecond}, want: 1},
		"700 kb/s":           {link: conditions{capacity: 700e3, delay: 20 * time.Millisecond}, want: 0},
		"less than anything": {link: conditions{capacity: 200e3, delay: 20 * time.Millisecond}, want: 0},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(ladder, always(tc.link))
			w.drift = tc.drift
			if tc.reply > 0 {
				w.reply = tc.reply
			}
			w.run(0, 20*second)
			t.Logf("after 20 s: rendition %d, estimate %.0f", w.current, w.e.Estimate())
			w.moves, w.maxQueue = 0, 0
			for from := 20 * second; from < 80*second; from += 10 * second {
				w.run(from, from+10*second)
				if w.current != tc.want {
					t.Errorf("10 s after %v: rendition %d, estimate %.0f; want %v", from, w.current, w.e.Estimate(), tc.want)
				}
			}
			t.Logf("in the minute after: %d moves, a queue of %v at most, estimate %.0f", w.moves, w.maxQueue, w.e.Estimate())
			if w.moves > 2 {
				t.Errorf("%d moves", w.moves)
			}
		})
	}
}

// TestSqueeze: a link that becomes slow is left in time, and used again when it is quick again.
func TestSqueeze(t *testing.T) {
	for from := 20 * second; from < 22*second; from += 200 * time.Millisecond { // at each place of a GOP
		const lasts = 15 * second
		w := newWorld(ladder, func(now time.Duration) conditions {
			if now >= from && now < from+lasts {
				return conditions{capacity: 700e3, delay: 10 * time.Millisecond}
			}
			return conditions{capacity: good, delay: 10 * time.Millisecond}
		})
		w.run(0, from)
		if w.current != 2 {
			t.Errorf("before: rendition %d", w.current)
		}
		down, up := time.Duration(0), time.Duration(0)
		now := from
		for ; now < from+lasts; now += 100 * time.Millisecond {
			w.run(now, now+100*time.Millisecond)
			if w.current == 0 && down == 0 {
				down = now - from
				w.maxQueue = 0
			}
		}
		squeezed := w.maxQueue
		for ; now < from+lasts+20*second && up == 0; now += 100 * time.Millisecond {
			w.run(now, now+100*time.Millisecond)
			if w.current == 2 {
				up = now - from - lasts
			}
		}
		t.Logf("squeezed at %v: down after %v, a queue of %v since, up %v after", from, down, squeezed, up)
		if down == 0 || down > 3*second || up == 0 || up > 14*second {
			t.Errorf("squeezed at %v: down after %v, up after %v", from, down, up)
		}
	}
}

// TestComesBack: after a time without any connection, and after the way has become longer for good.
func TestComesBack(t *testing.T) {
	for name, after := range map[string]conditions{
		"dead for 3 s":  {capacity: good, delay: 10 * time.Millisecond},
		"the way round": {capacity: good, delay: 210 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(ladder, func(now time.Duration) conditions {
				switch {
				case now < 20*second:
					return conditions{capacity: good, delay: 10 * time.Millisecond}
				case now < 23*second:
					return conditions{}
				default:
					return after
				}
			})
			w.run(0, 22500*time.Millisecond)
			if e := w.e.Estimate(); e > bandwidth.Floor {
				t.Errorf("dead: the estimate is %.0f", e)
			}
			w.run(22500*time.Millisecond, 55*second)
			if w.current != 2 {
				t.Errorf("rendition %d, estimate %.0f", w.current, w.e.Estimate())
			}
		})
	}
}

// TestClock: what a message says of each packet, over the wrap of all its numbers.
func TestClock(t *testing.T) {
	var c bandwidth.Clock
	message := func(reference uint32, base, count uint16, chunks []rtcp.PacketStatusChunk, deltas ...int64) []bandwidth.Packet {
		m := &rtcp.TransportLayerCC{ReferenceTime: reference, BaseSequenceNumber: base, PacketStatusCount: count, PacketChunks: chunks}
		for _, d := range deltas {
			m.RecvDeltas = append(m.RecvDeltas, &rtcp.RecvDelta{Delta: d})
		}
		return slices.Clone(c.Packets(m))
	}
	run := func(symbol, length uint16) rtcp.PacketStatusChunk {
		return &rtcp.RunLengthChunk{PacketStatusSymbol: symbol, RunLength: length}
	}
	const got, lost = rtcp.TypeTCCPacketReceivedSmallDelta, rtcp.TypeTCCPacketNotReceived
	first := message(1<<24-1, 65535, 3, []rtcp.PacketStatusChunk{run(got, 1), run(lost, 1), run(got, 9)}, 250, 500)
	second := message(1, 2, 2, []rtcp.PacketStatusChunk{&rtcp.StatusVectorChunk{SymbolList: []uint16{got, got, got}}}, 1000, -250)
	start := first[0].At - 250*time.Microsecond
	want := []bandwidth.Packet{
		{Number: 65535, At: start + 250*time.Microsecond},
		{Number: 0, Lost: true},
		{Number: 1, At: start + 750*time.Microsecond},
		{Number: 2, At: start + 129*time.Millisecond},
		{Number: 3, At: start + 128750*time.Microsecond},
	}
	if all := append(first, second...); !slices.Equal(all, want) {
		t.Errorf("%v\nwant %v", all, want)
	}
	if p := message(2, 4, 5, []rtcp.PacketStatusChunk{run(got, 5)}, 250); len(p) != 1 {
		t.Errorf("a message without its times: %v", p)
	}
	many := []rtcp.PacketStatusChunk{run(lost, 8191), run(lost, 8191), run(lost, 8191)}
	if p := message(2, 4, 24_000, many); len(p) > 1024 {
		t.Errorf("%d packets of one message", len(p))
	}
}

// FuzzReports: whatever a player reports, the pace stays between bounds that do no harm.
func FuzzReports(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3, 200, 4, 5, 6, 100, 7})
	f.Fuzz(func(t *testing.T, data []byte) {
		e := bandwidth.New(1e6)
		var number uint16
		for i := 0; i+2 < len(data); i += 3 {
			now := time.Duration(i) * 10 * time.Millisecond
			for range data[i] % 16 {
				e.Sent(number, 1200, now)
				number++
			}
			e.Report([]bandwidth.Packet{{
				Number: number - uint16(data[i+1]), Lost: data[i+2]&1 == 1, At: time.Duration(int8(data[i+2])) * time.Second,
			}}, now)
			e.Probe(5e6, now)
			e.Dead(now)
			// 16 packets every 30 ms are 5.1 Mb/s; of one report 15,600 b are delivered in 200 ms at the most.
			if p := e.Pace(); p < 0.8*bandwidth.Floor || p > 20e6 || e.Padding(now+time.Second) > 0 {
				t.Fatalf("pace %f", p)
			}
		}
	})
}
