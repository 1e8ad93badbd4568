package ethnode

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
)

// maxAnswer bounds what the proxy reads of an answer.
const maxAnswer = 64 << 20

// Call is one JSON-RPC request on its way through the proxy.
type Call struct {
	ID     json.RawMessage   `json:"id"`
	Method string            `json:"method"`
	Params []json.RawMessage `json:"params"`
}

// Fault deals with a call in the node's place; forward asks the node. It returns false to leave the call alone.
type Fault func(w http.ResponseWriter, r *http.Request, call Call, forward func() []byte) bool

// Proxy stands between a client and a node.
type Proxy struct {
	URL string

	mu     sync.Mutex
	fault  Fault
	struck int
	hit    chan struct{} // closed and replaced each time that the fault dealt with a call
}

// Intercept starts a proxy in front of a node; it has no faults yet.
func Intercept(t *testing.T, nodeURL string) *Proxy {
	t.Helper()
	p := &Proxy{hit: make(chan struct{})}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { p.serve(w, r, nodeURL) }))
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	p.URL = server.URL
	return p
}

// Set makes the proxy misbehave so from now on; nil: not at all.
func (p *Proxy) Set(fault Fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fault, p.struck = fault, 0
}

// Wait returns when the present fault has dealt with n calls.
func (p *Proxy) Wait(t *testing.T, n int) {
	t.Helper()
	for {
		p.mu.Lock()
		struck, hit := p.struck, p.hit
		p.mu.Unlock()
		if struck >= n {
			return
		}
		select {
		case <-hit:
		case <-t.Context().Done():
			t.Fatalf("the fault dealt with %d calls, want %d", struck, n)
		}
	}
}

func (p *Proxy) serve(w http.ResponseWriter, r *http.Request, nodeURL string) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxAnswer))
	if err != nil {
		return
	}
	forward := func() []byte {
		request, err := http.NewRequestWithContext(r.Context(), http.MethodPost, nodeURL, bytes.NewReader(body))
		if err != nil {
			return nil
		}
		request.Header.Set("Content-Type", "application/json")
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return nil
		}
		defer response.Body.Close()
		answer, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
		if err != nil {
			return nil
		}
		return answer
	}
	p.mu.Lock()
	fault := p.fault
	p.mu.Unlock()
	var call Call
	if fault != nil && json.Unmarshal(body, &call) == nil {
		if fault(w, r, call, forward) {
			p.count()
			return
		}
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(forward())
}

func (p *Proxy) count() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.struck++
	close(p.hit)
	p.hit = make(chan struct{})
}

// Stall never answers.
func Stall(_ http.ResponseWriter, r *http.Request, _ Call, _ func() []byte) bool {
	<-r.Context().Done()
	return true
}

// TooMany answers 429.
func TooMany(w http.ResponseWriter, _ *http.Request, _ Call, _ func() []byte) bool {
	w.Header().Set("Retry-After", "1")
	http.Error(w, `{"error":"slow down"}`, http.StatusTooManyRequests)
	return true
}

// Drop closes the connection after the node has done what was asked: the answer is lost.
func Drop(w http.ResponseWriter, _ *http.Request, _ Call, forward func() []byte) bool {
	forward()
	if hijacker, ok := w.(http.Hijacker); ok {
		if conn, _, err := hijacker.Hijack(); err == nil {
			_ = conn.Close()
		}
	}
	return true
}

// Garbage answers with what is not JSON.
func Garbage(w http.ResponseWriter, _ *http.Request, _ Call, _ func() []byte) bool {
	_, _ = io.WriteString(w, "<html>bad gateway</html>")
	return true
}

// Twice does what is asked twice, and gives the second answer.
func Twice(w http.ResponseWriter, _ *http.Request, _ Call, forward func() []byte) bool {
	forward()
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(forward())
	return true
}

// Only restricts a fault to some methods.
func Only(fault Fault, methods ...string) Fault {
	return func(w http.ResponseWriter, r *http.Request, call Call, forward func() []byte) bool {
		return slices.Contains(methods, call.Method) && fault(w, r, call, forward)
	}
}

// Edit changes the result of the calls of a method; edit returns false to leave a call alone.
func Edit[T any](method string, edit func(params []json.RawMessage, result *T) bool) Fault {
	return func(w http.ResponseWriter, _ *http.Request, call Call, forward func() []byte) bool {
		if call.Method != method {
			return false
		}
		var answer struct {
			Version string          `json:"jsonrpc"`
			ID      json.RawMessage `json:"id"`
			Result  *T              `json:"result"`
		}
		if json.Unmarshal(forward(), &answer) != nil || answer.Result == nil || !edit(call.Params, answer.Result) {
			return false
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(answer)
		return true
	}
}
