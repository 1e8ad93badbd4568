// Package joins_test has viewers and publishers come and go, and sees whether a broadcaster keeps anything of them.
package joins_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"castnet/test/clip"
	"castnet/test/healthy"
	"castnet/test/publisher"
	"castnet/test/testnet"
	"castnet/test/viewer"
)

const (
	whepPerSecond, hlsPerSecond = 20, 200
	publishers                  = 50
	// whepAtOnce and hlsAtOnce are how many may be joining: those of a slow machine come later, instead of ever more at once. It
	// goes on until leastWHEP and leastHLS have come, so that some have come after others had gone.
	whepAtOnce, hlsAtOnce = 40, 100
	leastWHEP, leastHLS   = 2 * whepAtOnce, 2 * hlsAtOnce
	// joinTime is how long one may take to see its first picture. It is for a loaded machine.
	joinTime = 2 * time.Minute
	// What may be more afterwards: pools and caches fill up once.
	moreGoroutines, moreFiles = 20, 10
	moreHeap, moreRSS         = 32 << 20, 128 << 20
	// forgetting is how long the broadcaster has to forget them: ended streams linger for 30 s, viewers by HLS are
	// forgotten after 10 s.
	forgetting = 3 * time.Minute
)

// result is the last line that is printed.
type result struct {
	Soak      string  `json:"soak"`
	Seconds   int     `json:"seconds"`
	WHEP      int     `json:"whep_joins"`
	HLS       int     `json:"hls_joins"`
	Published int     `json:"published"`
	Failed    int     `json:"failed"`
	P50       float64 `json:"whep_join_p50_ms"`
	P90       float64 `json:"whep_join_p90_ms"`
	Pictures  int     `json:"healthy_pictures"`
	// ServerCPU and ClientCPU are what the broadcaster and its viewers and publishers, which are this process, took in seconds.
	ServerCPU float64       `json:"server_cpu_s"`
	ClientCPU float64       `json:"client_cpu_s"`
	Before    testnet.Usage `json:"before"`
	Peak      testnet.Usage `json:"peak"`
	After     testnet.Usage `json:"after"`
	OK        bool          `json:"ok"`
}

// soak is one run.
type soak struct {
	*testing.T
	n *testnet.Network

	mu     sync.Mutex
	result result
	joins  []time.Duration
	errs   map[string]int
}

// TestJoins has 20 viewers by WHEP and 200 by HLS a second join and leave, and 50 publishers come and go, for
// CASTNET_SOAK_SECONDS (5). A stream that goes on meanwhile loses nothing, and the broadcaster keeps nothing. Where the seconds are
// given the machine is held to be fast enough: 95 % of the viewers have to have come in that time.
func TestJoins(t *testing.T) {
	seconds := 5
	if v := os.Getenv("CASTNET_SOAK_SECONDS"); v != "" {
		var err error
		if seconds, err = strconv.Atoi(v); err != nil {
			t.Fatal(err)
		}
	}
	var keys []string
	for i := range publishers {
		keys = append(keys, fmt.Sprintf("p%d", i))
	}
	t.Setenv("CASTNET_MAX_CONNECTIONS_PER_ADDRESS", "8000") // all of them come from this one
	t.Setenv("CASTNET_MAX_CONNECTIONS", "10000")
	n := healthy.Network(t, keys...)
	stream, err := healthy.Begin(t.Context(), n)
	if err != nil {
		t.Fatal(err)
	}
	s := &soak{T: t, n: n, errs: make(map[string]int), result: result{Soak: "joins", Seconds: seconds}}
	s.joinWHEP()
	s.joinHLS(0)
	s.result.Before = s.usage()
	own := s.ownCPU()
	whep, hls := s.run(time.Duration(seconds) * time.Second)
	if os.Getenv("CASTNET_SOAK_SECONDS") != "" && (whep*100 < 95*seconds*whepPerSecond || hls*100 < 95*seconds*hlsPerSecond) {
		t.Errorf("%d viewers by WHEP and %d by HLS came in %d s: 95 %% of %d and %d a second are asked for", whep, hls, seconds, whepPerSecond, hlsPerSecond)
	}
	s.result.ServerCPU, s.result.ClientCPU = s.usage().CPU-s.result.Before.CPU, s.ownCPU()-own
	s.forgotten()
	if s.result.Pictures, err = stream.End(); err != nil {
		t.Errorf("the healthy stream: %v", err)
	}
	s.report()
}

// run lets them come and go, and returns how many viewers came in time.
func (s *soak) run(length time.Duration) (whepInTime, hlsInTime int) {
	v, err := clip.Make(s.Context(), clip.Spec{Width: 160, Height: 90, FPS: 15, Seconds: 3, GOP: 15, Bitrate: 60_000})
	if err != nil {
		s.Fatal(err)
	}
	pushed, err := publisher.New(publisher.Stream{Track: v.Track, Units: v.Units}, nil)
	if err != nil {
		s.Fatal(err)
	}
	ctx, cancel := context.WithCancel(s.Context())
	var all sync.WaitGroup
	for i := range publishers {
		all.Go(func() { s.publish(ctx, pushed, i) })
	}
	all.Go(func() { s.look(ctx) })
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	began, whep, hls := time.Now(), 0, 0
	var joining [2]atomic.Int64
	join := func(way int, one func()) {
		joining[way].Add(1)
		all.Go(func() {
			defer joining[way].Add(-1)
			one()
		})
	}
	due := func(perSecond int) int { return int(time.Since(began).Seconds() * float64(perSecond)) }
	for ; time.Since(began) < length || whep < leastWHEP || hls < leastHLS; <-tick.C { // one that is late, or left out, is made up for
		for ; whep < due(whepPerSecond) && joining[0].Load() < whepAtOnce; whep++ {
			join(0, s.joinWHEP)
		}
		for ; hls < due(hlsPerSecond) && joining[1].Load() < hlsAtOnce; hls++ {
			number := hls + 1
			join(1, func() { s.joinHLS(number) })
		}
		if time.Since(began) < length {
			whepInTime, hlsInTime = whep, hls
		}
	}
	cancel()
	all.Wait()
	return whepInTime, hlsInTime
}

// look notes the most that the broadcaster takes.
func (s *soak) look(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			u, p := s.usage(), &s.result.Peak //nolint:contextcheck // the last look is after the pace has ended
			p.RSS, p.Heap, p.Goroutines, p.Files = max(p.RSS, u.RSS), max(p.Heap, u.Heap), max(p.Goroutines, u.Goroutines), max(p.Files, u.Files)
		}
	}
}

// publish comes and goes with one key, most times with a goodbye.
func (s *soak) publish(ctx context.Context, c *publisher.Clip, i int) {
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
			return
		case <-time.After(rand.N(4 * time.Second)):
		}
		length := time.Hour
		if rand.IntN(4) == 0 {
			length = rand.N(2 * time.Second)
		}
		visit, cancel := context.WithTimeout(s.Context(), length)
		err := c.Push(visit, s.n.RTMP+"p"+strconv.Itoa(i), publisher.Options{For: rand.N(3 * time.Second)}) //nolint:contextcheck // a visit ends by itself, not with the soak
		refused, sentAway := errors.AsType[*publisher.Refused](err)
		if visit.Err() != nil || sentAway && refused.Code == "NetStream.Publish.BadName" {
			err = nil // it was cut off, or the one before was, which is not known yet
		}
		cancel()
		s.count(&s.result.Published, err)
	}
}

// joinWHEP watches until the first picture.
func (s *soak) joinWHEP() {
	began := time.Now()
	seen := make(chan struct{})
	var once sync.Once
	w, err := viewer.NewWHEP(func(viewer.Picture) { once.Do(func() { close(seen) }) })
	if err != nil {
		s.count(&s.result.WHEP, err)
		return
	}
	ctx, cancel := context.WithTimeout(s.Context(), joinTime)
	defer cancel()
	err = w.Join(ctx, s.n.HTTP+"/whep/demo?rendition=90p")
	if err == nil {
		select {
		case <-seen:
			s.mu.Lock()
			s.joins = append(s.joins, time.Since(began))
			s.mu.Unlock()
		case <-ctx.Done():
			err = errors.New("no picture came by WHEP")
		}
	}
	s.count(&s.result.WHEP, errors.Join(err, w.Close()))
}

// joinHLS fetches what a player needs for its first picture, on connections of its own.
func (s *soak) joinHLS(i int) {
	client := &http.Client{Transport: &http.Transport{}, Timeout: joinTime}
	defer client.CloseIdleConnections()
	var err error
	for _, path := range []string{"index.m3u8", "90p/index.m3u8", "source/index.m3u8"} {
		if err = s.fetch(client, "/hls/demo/"+path, i); err != nil {
			break
		}
	}
	s.count(&s.result.HLS, err)
}

func (s *soak) fetch(client *http.Client, path string, i int) error {
	req, err := http.NewRequestWithContext(s.Context(), http.MethodGet, s.n.HTTP+path, http.NoBody)
	if err != nil {
		return err
	}
	req.Header.Set("User-Agent", "viewer "+strconv.Itoa(i))
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		return fmt.Errorf("GET %s: %s %.200s %w", path, resp.Status, body, err)
	}
	return nil
}

func (s *soak) count(what *int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	*what++
	if err != nil {
		s.result.Failed++
		s.errs[err.Error()]++
	}
}

func (s *soak) usage() testnet.Usage {
	u, err := s.n.Usage(s.Context(), 1)
	if err != nil {
		s.Error(err)
	}
	return u
}

// ownCPU is what this process has taken, in seconds.
func (s *soak) ownCPU() float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		s.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()).Seconds()
}

// forgotten waits until the broadcaster takes no more than before, but what it may.
func (s *soak) forgotten() {
	b := s.result.Before
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for deadline := time.Now().Add(forgetting); ; <-tick.C {
		a := s.usage()
		s.result.After = a
		if a.Goroutines <= b.Goroutines+moreGoroutines && a.Files <= b.Files+moreFiles && a.Heap <= b.Heap+moreHeap && a.RSS <= b.RSS+moreRSS {
			return
		}
		if time.Now().After(deadline) {
			s.Errorf("the broadcaster keeps more than it may: before %+v, after %+v", b, a)
			return
		}
	}
}

// report prints the result, and fails where a viewer or a publisher did.
func (s *soak) report() {
	for err, times := range s.errs {
		s.Errorf("%d times: %s", times, err)
	}
	slices.Sort(s.joins)
	ms := func(part float64) float64 {
		if len(s.joins) == 0 {
			return 0
		}
		return float64(s.joins[int(part*float64(len(s.joins)-1))].Microseconds()) / 1000
	}
	s.result.P50, s.result.P90, s.result.OK = ms(0.5), ms(0.9), !s.Failed()
	if err := json.NewEncoder(os.Stdout).Encode(s.result); err != nil {
		s.Error(err)
	}
}
