package hostile_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/pion/webrtc/v4"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"

	"castnet/test/hostile"
	"castnet/test/testnet"
)

func sortStrings(s []string) { slices.Sort(s) }

// requests are whole ones, as they stand on the wire.
func requests() (all [][]byte) {
	for _, r := range []string{
		"GET /hls/demo/index.m3u8 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
		"GET /hls/demo/source/index.m3u8?_HLS_skip=YES HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
		"GET /api/v1/streams HTTP/1.1\r\nHost: h\r\nAccept-Encoding: gzip\r\nConnection: close\r\n\r\n",
		"POST /whep/demo HTTP/1.1\r\nHost: h\r\nContent-Type: application/sdp\r\nContent-Length: 5\r\nConnection: close\r\n\r\nv=0\r\n",
		"OPTIONS /whip/demo HTTP/1.1\r\nHost: h\r\nOrigin: http://x\r\nConnection: close\r\n\r\n",
		"PUT /live/" + key(0) + "/1.ts HTTP/1.1\r\nHost: h\r\nContent-Length: 188\r\nConnection: close\r\n\r\nG@\x00\x10" + strings.Repeat("\xff", 184),
		"GET / HTTP/1.1\r\nHost: h\r\nRange: bytes=0-10\r\nConnection: close\r\n\r\n",
	} {
		all = append(all, []byte(r))
	}
	return all
}

func httpBombs() map[string][]byte {
	return map[string][]byte{
		"a header of 1 MiB":         append([]byte("GET / HTTP/1.1\r\nHost: h\r\nA: "), bytes.Repeat([]byte("a"), 1<<20)...),
		"two lengths":               []byte("POST /whip/x HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nv=0\r\n"),
		"chunks of a negative size": []byte("POST /whip/x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\nv=0\r\n"),
		"a URL of 60 KB":            []byte("GET /hls/" + strings.Repeat("a", 60_000) + " HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"),
		"a path out of the tree":    []byte("GET /../../../../etc/passwd HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"),
		"an escaped path":           []byte("GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"),
	}
}

// httpPort asks by HTTP as it should be, for what it should not.
func httpPort(t *testing.T, n *testnet.Network) port {
	t.Helper()
	offer := newOffer(t)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: atOnce}, Timeout: patience}
	t.Cleanup(client.CloseIdleConnections)
	number := func(r *rand.Rand) string {
		return []string{"-1", "0", "1", "99999999999", "18446744073709551616", "1e9", "0x1", "", "NaN", fmt.Sprint(r.IntN(100)), string(hostile.Noise(r, 3))}[r.IntN(11)]
	}
	kinds := []struct {
		name string
		make func(r *rand.Rand) (method, path string, body []byte)
	}{
		{"HLS queries", func(r *rand.Rand) (string, string, []byte) {
			q := []string{"_HLS_msn", "_HLS_part", "_HLS_skip", "_HLS_report", "a"}
			name := []string{"index.m3u8", "source/index.m3u8", "90p/index.m3u8", "aac/index.m3u8"}[r.IntN(4)]
			return http.MethodGet, "/hls/demo/" + name + "?" + q[r.IntN(5)] + "=" + escape(number(r)) + "&" + q[r.IntN(5)] + "=" + escape(number(r)), nil
		}},
		{"HLS files", func(r *rand.Rand) (string, string, []byte) {
			return http.MethodGet, "/hls/demo/source/" + escape(number(r)) + []string{"-p", "-s", "-i", "/"}[r.IntN(4)] + escape(number(r)) + ".m4s", nil
		}},
		{"paths", func(r *rand.Rand) (string, string, []byte) {
			parts := []string{"..", "%2e%2e", "hls", "demo", "api", "v1", "streams", "whep", "whip", "%00", "%ff", ".", "", "events", "orchestrators", strings.Repeat("a", 3000)}
			var b strings.Builder
			for range 1 + r.IntN(6) {
				b.WriteString("/" + parts[r.IntN(len(parts))])
			}
			if strings.HasSuffix(b.String(), "events") {
				return http.MethodHead, b.String(), nil
			}
			return []string{http.MethodGet, http.MethodPut, http.MethodPost, http.MethodDelete, http.MethodPatch, http.MethodOptions, "BREW"}[r.IntN(7)], b.String(), nil
		}},
		{"API", func(r *rand.Rand) (string, string, []byte) {
			return http.MethodGet, "/api/v1/" + []string{"streams/", "orchestrators/", "stakers/", "streams?", "staking?"}[r.IntN(5)] + escape(string(hostile.Noise(r, r.IntN(60)))), nil
		}},
		{"WHIP offers", func(r *rand.Rand) (string, string, []byte) {
			_, sdp := hostile.Spoil(r, [][]byte{offer})
			return http.MethodPost, "/whip/" + key(r.IntN(spare)), sdp
		}},
		{"WHEP offers", func(r *rand.Rand) (string, string, []byte) {
			_, sdp := hostile.Spoil(r, [][]byte{offer})
			return http.MethodPost, "/whep/demo?rendition=" + []string{"source", "90p", "", "%ff"}[r.IntN(4)], sdp
		}},
		{"WHIP and WHEP sessions", func(r *rand.Rand) (string, string, []byte) {
			_, fragment := hostile.Spoil(r, [][]byte{[]byte("a=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\na=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\n")})
			return []string{http.MethodPatch, http.MethodDelete, http.MethodPost}[r.IntN(3)], []string{"/whip/", "/whep/"}[r.IntN(2)] + "demo/" + escape(number(r)), fragment
		}},
		{"huge bodies", func(r *rand.Rand) (string, string, []byte) {
			return http.MethodPost, []string{"/whip/" + key(0), "/whep/demo", "/api/v1/streams"}[r.IntN(3)], hostile.Noise(r, 300_000)
		}},
	}
	return port{name: "http", throw: func(ctx context.Context, r *rand.Rand) (kind, outcome string, err error) {
		k := kinds[r.IntN(len(kinds))]
		method, path, body := k.make(r)
		ctx, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		req, err := http.NewRequestWithContext(ctx, method, n.HTTP+path, bytes.NewReader(body))
		if err != nil {
			return k.name, "not a URL", nil
		}
		req.Header.Set("Content-Type", "application/sdp")
		if method == http.MethodPatch {
			req.Header.Set("Content-Type", "application/trickle-ice-sdpfrag")
			req.Header.Set("If-Match", "*")
		}
		resp, err := client.Do(req)
		if err != nil {
			if ctx.Err() != nil {
				return k.name, "", fmt.Errorf("%s %.200s: %w", method, path, err)
			}
			return k.name, "closed", nil // in the middle of a body that is too large
		}
		defer resp.Body.Close()
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<10))
		switch c := resp.StatusCode; {
		case c == http.StatusInternalServerError || c == http.StatusBadGateway:
			return k.name, "", fmt.Errorf("%s %.200s: %s: %s", method, path, resp.Status, text)
		case c >= 400 && len(text) == 0 && method != http.MethodHead:
			return k.name, "", fmt.Errorf("%s %.200s: %s without a word", method, path, resp.Status)
		}
		return k.name, resp.Status, nil
	}}
}

func escape(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		fmt.Fprintf(&b, "%%%02x", c)
	}
	return b.String()
}

// newOffer is a real one, to send pictures and sound.
func newOffer(t *testing.T) []byte {
	t.Helper()
	pc, err := webrtc.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = pc.Close() }()
	for _, kind := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeVideo, webrtc.RTPCodecTypeAudio} {
		if _, err := pc.AddTransceiverFromKind(kind); err != nil {
			t.Fatal(err)
		}
	}
	offer, err := pc.CreateOffer(nil)
	if err != nil {
		t.Fatal(err)
	}
	return []byte(offer.SDP)
}

// insecure trusts anybody: the attacker does not care whom it attacks.
func insecure() *tls.Config {
	return &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}}
}

// preface is HTTP/2's, with the settings and the request of a gRPC call.
func preface() []byte {
	frame := func(kind, flags byte, stream uint32, body []byte) []byte {
		return append([]byte{byte(len(body) >> 16), byte(len(body) >> 8), byte(len(body)), kind, flags, byte(stream >> 24), byte(stream >> 16), byte(stream >> 8), byte(stream)}, body...)
	}
	const path = "/castnet.v1.Orchestrator/Quote"
	headers := append([]byte{0x83, 0x87, 0x44, byte(len(path))}, path...) // POST, https, :path
	headers = append(append(headers, 0x41, 1, 'a', 0x5f, 16), "application/grpc"...)
	return slices.Concat([]byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), frame(4, 0, 0, nil), frame(1, 4, 1, headers),
		frame(0, 1, 1, append([]byte{0, 0, 0, 0, 20}, make([]byte, 20)...)))
}

// raw is bytes that claim to be a message.
type raw struct{}

func (raw) Marshal(v any) ([]byte, error)   { return *v.(*[]byte), nil }
func (raw) Unmarshal(b []byte, v any) error { *v.(*[]byte) = b; return nil }
func (raw) Name() string                    { return "proto" }

// grpcPort calls the orchestrator's methods with messages that are none.
func grpcPort(t *testing.T, n *testnet.Network) port {
	t.Helper()
	conn, err := grpc.NewClient(n.OrchestratorAddress(0), grpc.WithTransportCredentials(credentials.NewTLS(insecure())), grpc.WithDefaultCallOptions(grpc.ForceCodec(raw{})))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	methods := []string{"/castnet.v1.Orchestrator/Quote", "/castnet.v1.Orchestrator/Settle", "/castnet.v1.Orchestrator/Transcode", "/castnet.v1.Pool/Enroll", "/castnet.v1.Pool/Attach", "/castnet.v1.Pool/Session", "/x/y"}
	message := make([]byte, 0, 200)
	for field := byte(1); field < 12; field++ { // numbers, and messages inside messages
		message = append(message, field<<3, 0x80, 0x80, 0x01, field<<3|2, 4, 0x0a, 2, 0x0a, 0)
	}
	return port{name: "grpc", throw: func(ctx context.Context, r *rand.Rand) (kind, outcome string, err error) {
		method := methods[r.IntN(len(methods))]
		_, in := hostile.Spoil(r, [][]byte{message, make([]byte, 65)})
		ctx, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		var out []byte
		stream, err := conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, method)
		if err == nil {
			if err = stream.SendMsg(&in); err == nil {
				_ = stream.CloseSend()
			}
			err = stream.RecvMsg(&out)
		}
		if ctx.Err() != nil {
			return method, "", fmt.Errorf("%d bytes: no answer within %v", len(in), patience)
		}
		return method, status.Code(err).String(), nil
	}}
}

// clientHello is the beginning of a TLS connection.
func clientHello(t *testing.T, address string) []byte {
	t.Helper()
	said, err := hostile.RecordTCP(t.Context(), address, func(address string) error {
		conn, err := (&tls.Dialer{Config: insecure()}).DialContext(t.Context(), "tcp", address)
		if err != nil {
			return err
		}
		return conn.Close()
	})
	if err != nil {
		t.Fatal(err)
	}
	return said
}
