package api_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"castnet/broadcaster/api"
)

// world is a broadcaster of fixed facts that a test changes as it likes.
type world struct {
	mu      sync.Mutex
	streams []api.StreamView
	network api.NetworkView
	ready   error

	staking  api.StakingView
	records  map[common.Address]api.OrchestratorDetailView
	stakers  map[common.Address]api.StakerView
	chainOut error // what every question about stakes is answered with, where set
}

func (w *world) Streams() []api.StreamView {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]api.StreamView(nil), w.streams...)
}

func (w *world) Stream(id string) (api.StreamView, bool) {
	for _, s := range w.Streams() {
		if s.ID == id {
			return s, true
		}
	}
	return api.StreamView{}, false
}

func (w *world) Network() api.NetworkView {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.network
}

func (w *world) Staking(context.Context) (api.StakingView, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.staking, w.chainOut
}

func (w *world) Orchestrator(_ context.Context, id common.Address) (api.OrchestratorDetailView, bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	v, ok := w.records[id]
	return v, ok, w.chainOut
}

func (w *world) Staker(_ context.Context, account common.Address) (api.StakerView, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if v, ok := w.stakers[account]; ok {
		return v, w.chainOut
	}
	return api.StakerView{Address: account.Hex()}, w.chainOut
}

func (w *world) change(f func(*world)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f(w)
}

const (
	rosa  = "0x52a1c0ffee000000000000000000000000000001"
	amos  = "0x90b2c0ffee000000000000000000000000000002"
	ilse  = "0x13c3c0ffee000000000000000000000000000003"
	owner = "0xb0a7c0ffee0000000000000000000000000000b0"
)

func gwei(n uint64) api.Wei {
	return api.WeiOf(*new(uint256.Int).Mul(uint256.NewInt(n), uint256.NewInt(1e9)))
}

func ether(n uint64) api.Wei { return gwei(n * 1e9) }

// camera is a healthy live stream, n segments after its start.
func camera(id string, n int64) api.StreamView {
	start := time.Now().Add(-time.Duration(n) * 2 * time.Second)
	return api.StreamView{
		ID: id, State: api.Live, StartedAt: start, Viewers: 3,
		Input: api.InputView{
			Protocol: "RTMP", Codec: "H264", Audio: "AAC", Width: 1280, Height: 720, FPS: 30, Bitrate: 3_140_000,
			GOPSeconds: 2, BFrames: true, Remote: "127.0.0.1:51234", Health: api.Good,
		},
		Targets: []api.TargetView{
			{Rendition: "source", Server: "rtmps://live.example.com", State: "live", Since: start, Bytes: 12_345_678},
			{Rendition: "720p", Server: "srt://relay.example.net:9000", State: "pausing", Since: start, Restarts: 3, LastError: "connection refused"},
		},
		Segments: api.SegmentsView{Count: n, LastSeconds: 2},
		Renditions: []api.RenditionView{
			{Name: "source", Width: 1280, Height: 720, Bitrate: 3_140_000, FPS: 30, Codec: "H264", WhyNot: "it has B-frames"},
			{Name: "720p", Width: 1280, Height: 720, Bitrate: 2_490_000, FPS: 30, Codec: "H264", WHEP: true},
			{Name: "480p", Width: 854, Height: 480, Bitrate: 1_390_000, FPS: 30, Codec: "H264", WHEP: true},
			{Name: "360p", Width: 640, Height: 360, Bitrate: 920_000, FPS: 30, Codec: "H264", WHEP: true},
		},
		Orchestrator: &api.ServiceView{
			ID: rosa, Name: "Rosa", Why: "lowest delay of the 3 drawn", URL: "https://127.0.0.1:8935", RoundTripMS: 1.8,
			StakeShare: 0.5, Since: start.Add(time.Second), Standby: "Amos",
			Lease: json.RawMessage(`{"lease":{"orchestrator":"` + rosa + `","stream":"demo","serial":7},"signature":"0x1b2c3d"}`),
		},
		Verified: api.VerifiedView{
			OK: n - 1, Checks: []api.CheckView{
				{Name: "signatures are the orchestrator's", OK: n - 1},
				{Name: "every picture is there, at its time", OK: n - 1},
				{Name: "size and codec are the lease's", OK: n - 1},
			},
		},
		Paid: api.PaidView{
			TicketsSent: n - 1, EVWei: gwei(uint64(n-1) * 41_520), FeesWei: gwei(uint64(n-1) * 41_520),
			Redeemed: 2, RedeemedWei: gwei(4_000_000),
		},
		Events: []api.EventView{
			{At: time.Now().Add(-40 * time.Second), Stop: api.StopPaid, Text: "A ticket won 0.002 ETH and was redeemed.", Level: api.Good},
			{At: start.Add(time.Second), Stop: api.StopOrchestrator, Text: "Rosa took the stream: lowest delay of the 3 drawn.", Level: api.Good},
			{At: start, Stop: api.StopIn, Text: "A publisher connected by RTMP.", Level: api.Good},
		},
	}
}

func threeOrchestrators() api.NetworkView {
	return api.NetworkView{
		Orchestrators: []api.OrchestratorView{
			{
				SelfStakeWei: ether(2_000), Cuts: cuts(5, 90, -90).CutsView, Announced: new(cuts(10, 80, 5)), Yield: yieldOf(rosa),
				ID: rosa, Name: "Rosa", URI: "https://127.0.0.1:8935", StakeWei: ether(50_000), Share: 0.5, Active: true, Streams: 1,
				VerifiedSegments: 12_411, Success: 1, PriceWeiPerMpx: gwei(300), RedeemedWei: gwei(48_000_000), Health: api.Good,
			},
			{
				SelfStakeWei: ether(3_500), Cuts: cuts(10, 75, -30).CutsView, Yield: yieldOf(amos),
				ID: amos, Name: "Amos", URI: "https://127.0.0.1:8936", StakeWei: ether(30_000), Share: 0.3, Active: true,
				VerifiedSegments: 6_032, Failures: 14, Success: 0.9975, PriceWeiPerMpx: gwei(280), RedeemedWei: gwei(20_000_000), Health: api.Good,
			},
			{
				SelfStakeWei: ether(1_000), Cuts: cuts(0, 100, -12).CutsView, Yield: yieldOf(ilse),
				ID: ilse, Name: "Ilse", URI: "https://127.0.0.1:8937", StakeWei: ether(20_000), Share: 0.2, Active: true,
				VerifiedSegments: 803, Failures: 40, Success: 0.82, PriceWeiPerMpx: gwei(250), RedeemedWei: "0", Health: api.Bad,
				Note: "failed 3 times in a row, left alone for another 31 s",
			},
		},
		Broadcaster: api.AccountView{Address: owner, DepositWei: gwei(9_994_000_000), ReserveWei: ether(3), ShareWei: ether(1)},
		Round:       17, RoundEndsAt: time.Now().Add(time.Hour),
		Chain: api.ChainView{ID: 1337, Head: 20_512, Time: time.Now().Add(-2 * time.Second), Coin: "ETH"},
	}
}

func config(w *world) api.Config {
	return api.Config{
		Streams: w, Network: w, Stakes: w,
		Status: api.StatusView{
			Version: "test", DemoKey: "demo",
			Ways: []api.WayView{
				{Protocol: "RTMP", URL: "rtmp://{host}:1935/live/{key}"},
				{Protocol: "WHIP", URL: "{origin}/whip/{key}"},
				{Protocol: "RTSP", URL: "rtsp://{host}:8554/live/{key}"},
				{Protocol: "SRT", URL: "srt://{host}:8890?streamid=publish:{key}"},
			},
			Playback: []api.WayView{
				{Protocol: "HLS", URL: "{origin}/hls/{id}/index.m3u8"},
				{Protocol: "WHEP", URL: "{origin}/whep/{id}"},
				{Protocol: "RTSP", URL: "rtsp://{host}:8554/{id}"},
			},
		},
		Ready: func() error {
			w.mu.Lock()
			defer w.mu.Unlock()
			return w.ready
		},
		Interval: 20 * time.Millisecond, Heartbeat: 200 * time.Millisecond,
		Logger: slog.New(slog.NewTextHandler(io.Discard, nil)), Registerer: prometheus.NewRegistry(),
	}
}

// serve runs a Server behind real HTTP until the test ends.
func serve(t *testing.T, cfg api.Config) *httptest.Server {
	t.Helper()
	server, err := api.New(cfg)
	require.NoError(t, err)
	done := make(chan error, 1)
	go func() { done <- server.Run(t.Context()) }()
	web := httptest.NewServer(server)
	t.Cleanup(func() { // t.Context has ended by now
		require.NoError(t, <-done)
		web.Close() // returns only when all requests have ended
	})
	return web
}

// reply is what came back of a request.
type reply struct {
	code   int
	header http.Header
	body   string
}

func get(t *testing.T, url string, header ...string) reply {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	require.NoError(t, err)
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	// The transport unpacks gzip by itself, unless the test asked for it.
	resp, err := http.DefaultTransport.RoundTrip(req)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 8<<20))
	require.NoError(t, err)
	return reply{resp.StatusCode, resp.Header, string(body)}
}

func decode[T any](t *testing.T, text string) T {
	t.Helper()
	var v T
	require.NoError(t, json.Unmarshal([]byte(text), &v), fmt.Sprintf("%.200s", text))
	return v
}
