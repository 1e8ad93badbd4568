package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/stun/v4"
	"github.com/pion/transport/v4/packetio"
)

const (
	// iceUser and icePassword are every watcher's own ICE credentials.
	iceUser, icePassword = "watcher", "watcherwatcherwatcherwatcher"
	// checkInterval is the distance of connectivity checks until one is answered.
	checkInterval = 50 * time.Millisecond
)

// watcher is a viewer by WHEP that costs next to nothing, so that hundreds of them leave the machine to the server. It
// speaks just enough ICE and DTLS to be sent the stream, and then counts: RTP's sequence numbers are not encrypted.
// Nothing that it lacks is asked for again, so that whatever is lost shows.
type watcher struct {
	certificate tls.Certificate
	onPacket    func(size int) // may be nil

	conn      *net.UDPConn
	server    net.Addr
	handshake *packetio.Buffer // packets of DTLS
	checked   chan struct{}    // closed when a connectivity check has been answered
	began     chan struct{}    // closed with the first packet of media
	reading   sync.WaitGroup

	packets, bytes atomic.Uint64 // of media, so far

	// Of the reading goroutine, and of anybody once it has ended.
	first, last uint64 // sequence numbers, without wrapping
	seen        uint64 // which of the 64 up to last have come: bit 0 is last's
	distinct    uint64 // packets that have come, each counted once
}

// newWatcher prepares a watcher, which calls onPacket with the size of each packet of media where that is not nil.
func newWatcher(certificate tls.Certificate, onPacket func(int)) (*watcher, error) {
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, err
	}
	// Room for a key picture: what is lost here would look lost by the server.
	if err := conn.SetReadBuffer(2 << 20); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return &watcher{
		certificate: certificate, onPacket: onPacket, conn: conn, handshake: packetio.NewBuffer(),
		checked: make(chan struct{}), began: make(chan struct{}),
	}, nil
}

// join asks for the stream, and returns with the first packet of it.
func (w *watcher) join(ctx context.Context, url string) error {
	answer, err := w.post(ctx, url)
	if err != nil {
		return err
	}
	server, err := parseAnswer(answer)
	if err != nil {
		return err
	}
	w.server = net.UDPAddrFromAddrPort(server.address)
	w.reading.Go(w.read)
	if err := w.check(ctx, server); err != nil {
		return err
	}
	// The media are not decrypted, only counted: who sends them on loopback need not prove it.
	client, err := dtls.ClientWithOptions(&handshakeConn{w}, w.server,
		dtls.WithCertificates(w.certificate), dtls.WithInsecureSkipVerify(true),
		dtls.WithSRTPProtectionProfiles(dtls.SRTP_AEAD_AES_128_GCM),
	)
	if err != nil {
		return err
	}
	if err := client.HandshakeContext(ctx); err != nil {
		return fmt.Errorf("DTLS: %w", err)
	}
	select {
	case <-w.began:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("no packet came by WHEP: %w", ctx.Err())
	}
}

// post makes the offer of a player that takes H264.
func (w *watcher) post(ctx context.Context, url string) (answer string, err error) {
	hash := sha256.Sum256(w.certificate.Certificate[0])
	var fingerprint []string
	for _, b := range hash {
		fingerprint = append(fingerprint, strings.ToUpper(hex.EncodeToString([]byte{b})))
	}
	offer := strings.Join([]string{
		"v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "t=0 0", "a=group:BUNDLE 0", "m=video 9 UDP/TLS/RTP/SAVPF 96",
		"c=IN IP4 0.0.0.0", "a=mid:0", "a=recvonly", "a=rtcp-mux", "a=setup:active",
		"a=ice-ufrag:" + iceUser, "a=ice-pwd:" + icePassword, "a=fingerprint:sha-256 " + strings.Join(fingerprint, ":"),
		"a=rtpmap:96 H264/90000", "a=fmtp:96 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=64001f",
		fmt.Sprintf("a=candidate:1 1 udp 2130706431 127.0.0.1 %d typ host", w.address().Port()), "a=end-of-candidates", "",
	}, "\r\n")
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(offer))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/sdp")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err == nil && resp.StatusCode != http.StatusCreated {
		err = fmt.Errorf("POST %s: %s: %s", url, resp.Status, body)
	}
	return string(body), err
}

func (w *watcher) address() netip.AddrPort {
	return netip.MustParseAddrPort(w.conn.LocalAddr().String())
}

// remote is the server's ICE credentials and its first candidate by UDP.
type remote struct {
	user, password string
	address        netip.AddrPort
}

func parseAnswer(answer string) (r remote, err error) {
	for line := range strings.Lines(answer) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		switch fields := strings.Fields(value); {
		case name == "a=ice-ufrag":
			r.user = value
		case name == "a=ice-pwd":
			r.password = value
		case name == "a=candidate" && !r.address.IsValid() && len(fields) > 5 && strings.EqualFold(fields[2], "udp"):
			if r.address, err = netip.ParseAddrPort(net.JoinHostPort(fields[4], fields[5])); err != nil {
				return r, err
			}
		}
	}
	if r.user == "" || r.password == "" || !r.address.IsValid() {
		return r, fmt.Errorf("the answer has no ICE credentials or no candidate:\n%s", answer)
	}
	return r, nil
}

// check does what ICE's controlling side does: it checks the only pair, and nominates it.
func (w *watcher) check(ctx context.Context, server remote) error {
	const useCandidate, controlling, priority = stun.AttrUseCandidate, stun.AttrICEControlling, stun.AttrPriority
	tick := time.NewTicker(checkInterval)
	defer tick.Stop()
	for {
		m, err := stun.Build(stun.TransactionID, stun.BindingRequest, stun.NewUsername(server.user+":"+iceUser),
			stun.RawAttribute{Type: useCandidate},
			stun.RawAttribute{Type: controlling, Value: make([]byte, 8)},
			stun.RawAttribute{Type: priority, Value: binary.BigEndian.AppendUint32(nil, 1<<30)},
			stun.NewShortTermIntegrity(server.password), stun.Fingerprint)
		if err != nil {
			return err
		}
		if _, err := w.conn.WriteTo(m.Raw, w.server); err != nil {
			return err
		}
		select {
		case <-w.checked:
			return nil
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("no connectivity check was answered: %w", ctx.Err())
		}
	}
}

// read takes what comes until the socket is closed. The first byte says what it is (RFC 7983).
func (w *watcher) read() {
	var buf [2048]byte
	for {
		n, _, err := w.conn.ReadFromUDPAddrPort(buf[:])
		if err != nil {
			return
		}
		switch b := buf[:n]; {
		case n < 12:
		case b[0] < 4:
			w.stun(b)
		case b[0] >= 20 && b[0] < 64:
			_, _ = w.handshake.Write(b) // it is full only after the handshake
		case b[0] >= 128 && b[0] < 192 && (b[1] < 192 || b[1] > 223): // RTP; RTCP's types are left out
			w.media(b)
		}
	}
}

// stun answers the server's checks, and hears that its own was answered.
func (w *watcher) stun(b []byte) {
	m := &stun.Message{Raw: bytes.Clone(b)}
	if m.Decode() != nil {
		return
	}
	switch m.Type {
	case stun.BindingSuccess:
		select {
		case <-w.checked:
		default:
			close(w.checked)
		}
	case stun.BindingRequest:
		from, ok := w.server.(*net.UDPAddr)
		if !ok {
			return
		}
		answer, err := stun.Build(m, stun.BindingSuccess, &stun.XORMappedAddress{IP: from.IP, Port: from.Port},
			stun.NewShortTermIntegrity(icePassword), stun.Fingerprint)
		if err == nil {
			_, _ = w.conn.WriteTo(answer.Raw, w.server) // the server asks again
		}
	}
}

func (w *watcher) media(b []byte) {
	sequence := binary.BigEndian.Uint16(b[2:])
	if w.packets.Load() == 0 {
		w.first, w.last = uint64(sequence)+1<<16, uint64(sequence)+1<<16
		close(w.began)
	}
	ahead := int16(sequence - uint16(w.last))
	if ahead > 0 {
		w.last, w.seen = w.last+uint64(ahead), w.seen<<ahead
		ahead = 0
	}
	w.first = min(w.first, w.last+uint64(ahead))
	if bit := uint64(1) << -ahead; w.seen&bit == 0 { // one that comes twice, or far too late, does not make up for one that is lost
		w.seen |= bit
		if bit != 0 {
			w.distinct++
		}
	}
	w.packets.Add(1)
	w.bytes.Add(uint64(len(b)))
	if w.onPacket != nil {
		w.onPacket(len(b))
	}
}

// leave ends watching and says how many packets never came.
func (w *watcher) leave() (lost int, err error) {
	err = errors.Join(w.conn.Close(), w.handshake.Close())
	w.reading.Wait()
	if w.packets.Load() == 0 {
		return 0, err
	}
	return int(w.last-w.first+1) - int(w.distinct), err
}

// handshakeConn is what DTLS sees of a watcher's socket.
type handshakeConn struct{ w *watcher }

func (c *handshakeConn) ReadFrom(b []byte) (int, net.Addr, error) {
	n, err := c.w.handshake.Read(b)
	return n, c.w.server, err
}

func (c *handshakeConn) WriteTo(b []byte, to net.Addr) (int, error) { return c.w.conn.WriteTo(b, to) }
func (c *handshakeConn) Close() error                               { return nil }
func (c *handshakeConn) LocalAddr() net.Addr                        { return c.w.conn.LocalAddr() }
func (c *handshakeConn) SetDeadline(t time.Time) error              { return c.w.handshake.SetReadDeadline(t) }

func (c *handshakeConn) SetReadDeadline(t time.Time) error { return c.w.handshake.SetReadDeadline(t) }
func (c *handshakeConn) SetWriteDeadline(time.Time) error  { return nil }
