package endpoint_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"castnet/contracts/chain/endpoint"
)

// What the secret is for reaches the node, and no error has it.
func TestSecretsStayOutOfErrors(t *testing.T) {
	var asked []string
	node := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		asked = append(asked, user+":"+password+"@"+r.URL.String())
		var call struct{ ID json.RawMessage }
		if err := json.NewDecoder(r.Body).Decode(&call); err != nil {
			t.Error(err)
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"jsonrpc":"2.0","id":` + string(call.ID) + `,"result":"0x7"}`))
	}))
	address := strings.Replace(node.URL, "http://", "http://me:5ecret@", 1) + "/v3/5ecret?key=5ecret"
	client, err := endpoint.Dial(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if id, err := client.ChainID(t.Context()); err != nil || id.Int64() != 7 {
		t.Fatalf("chain id %v, %v", id, err)
	}
	if want := "me:5ecret@/v3/5ecret?key=5ecret"; len(asked) != 1 || asked[0] != want {
		t.Errorf("asked for %q, want %q", asked, want)
	}
	node.Close()
	_, err = client.ChainID(t.Context())
	if err == nil || strings.Contains(err.Error(), "5ecret") || !strings.Contains(err.Error(), strings.TrimPrefix(node.URL, "http://")) {
		t.Errorf("a node that is gone: %v", err)
	}
	for _, address := range []string{
		strings.Replace(address, "http://", "ws://", 1), "wss://me:5ecret@127.0.0.1:1/5ecret", "http://5ecret:%zz@host", "5ecret://host/5ecret/x",
	} {
		if _, err := endpoint.Dial(t.Context(), address); err == nil || strings.Contains(err.Error(), "/5ecret") || strings.Contains(err.Error(), ":5ecret@") {
			t.Errorf("%s: %v", address, err)
		}
	}
}

func TestName(t *testing.T) {
	for address, want := range map[string]string{
		"ws://127.0.0.1:8545":           "ws://127.0.0.1:8545",
		"http://127.0.0.1:8545/":        "http://127.0.0.1:8545",
		"https://node.example/v3/abc":   "https://node.example/…",
		"https://me:abc@node.example":   "https://node.example/…",
		"wss://node.example?apikey=abc": "wss://node.example/…",
		"/run/node.ipc":                 "/run/node.ipc",
		"http://%zz":                    "(no URL)",
	} {
		if got := endpoint.Name(address); got != want {
			t.Errorf("%s: %s, want %s", address, got, want)
		}
	}
}
