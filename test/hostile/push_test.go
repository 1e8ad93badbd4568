package hostile_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"sync"

	"castnet/test/hostile"
	"castnet/test/testnet"
)

// pushKey is one that segments alone are pushed with: their attackers are to get past the gate.
func pushKey(i int) string { return fmt.Sprintf("push%02d", i) }

// segmentsByHTTP pushes spoiled segments, each attacker with a key of its own.
type segmentsByHTTP struct {
	n      *testnet.Network
	ts     []byte
	mu     sync.Mutex
	pushed map[*rand.Rand]*pushing
}

type pushing struct {
	key string
	seq uint64
}

func (p *segmentsByHTTP) of(r *rand.Rand) *pushing {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.pushed == nil {
		p.pushed = make(map[*rand.Rand]*pushing)
	}
	if p.pushed[r] == nil {
		p.pushed[r] = &pushing{key: pushKey(len(p.pushed))}
	}
	return p.pushed[r]
}

func (p *segmentsByHTTP) throw(ctx context.Context, r *rand.Rand) (kind, outcome string, err error) {
	const packet = 188
	to := p.of(r)
	method, name := http.MethodPut, fmt.Sprintf("/%d.ts", to.seq)
	from := r.IntN(len(p.ts)/packet/2) * packet
	kind, body := hostile.Spoil(r, [][]byte{p.ts, p.ts[from:], p.ts[:10*packet]})
	switch r.IntN(20) {
	case 0:
		kind, name, body = "an end", "", nil
		method = http.MethodDelete
	case 1:
		kind = "a playlist, " + kind
		name = "/index.m3u8"
		_, body = hostile.Spoil(r, [][]byte{[]byte("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nout-0.ts\n#EXT-X-ENDLIST\n")})
	case 2:
		kind, name = "a name of noise", "/"+escape(string(hostile.Noise(r, 1+r.IntN(300))))
	case 3:
		to.seq += uint64(r.IntN(3)) // one is missing, or comes twice
	default:
		to.seq++
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, p.n.HTTP+"/live/"+to.key+name, bytes.NewReader(body))
	if err != nil {
		return kind, "not a URL", nil
	}
	if r.IntN(2) == 0 {
		req.ContentLength = -1 // in chunks, as encoders push what they are still making
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return kind, "", fmt.Errorf("%s %.100s: %w", method, name, err)
		}
		return kind, "closed", nil
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<10))
	if c := resp.StatusCode; c == http.StatusInternalServerError || c >= http.StatusBadRequest && len(text) == 0 {
		return kind, "", fmt.Errorf("%s %.100s: %s: %s", method, name, resp.Status, text)
	}
	return kind, resp.Status, nil
}
