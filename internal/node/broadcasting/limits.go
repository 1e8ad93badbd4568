package broadcasting

import (
	"fmt"
	"net"
	"net/netip"

	"castnet/internal/ports"
)

// Limits are what one stream, or one address, may take of a broadcaster.
type Limits struct {
	MaxConnections int      `default:"10000" name:"max-connections" help:"Connections open at once, on each TCP port."`
	MaxPerAddress  int      `default:"1000" name:"max-connections-per-address" help:"The same of one IPv4 address or IPv6 /64 network: all that come through a NAT count as one. Those of a --trusted-proxy are not counted so."`
	MaxPublishers  int      `default:"1000" name:"max-publishers" help:"Publishers at once."`
	MaxPublishersA int      `default:"100" name:"max-publishers-per-address" help:"The same of one address."`
	MaxViewers     int      `default:"10000" name:"max-viewers" help:"Viewers of one stream, by each protocol."`
	MaxViewersA    int      `default:"1000" name:"max-viewers-per-address" help:"Viewers by WebRTC from one IPv4 address or IPv6 /64 network, of all streams. Behind a proxy, name it with --trusted-proxy."`
	TrustedProxies []string `name:"trusted-proxy" help:"A reverse proxy before --http, or a network of them: who comes through it is known by X-Forwarded-For or Forwarded, and counts for the limits per address. May be given several times." placeholder:"CIDR"`
	MaxPushTargets int      `default:"0" name:"max-push-targets" help:"Servers that whoever has a stream's key may have it pushed on to by the API, beside those of --keys. This broadcaster calls them, so mind what it can reach from where it is. 0: none." placeholder:"N"`
	MaxDVRMiB      int      `default:"512" name:"max-dvr-mib" help:"Memory for what viewers by HLS can go back to, of each rendition, in MiB." placeholder:"N"`
}

func (l *Limits) positive() error {
	for _, n := range []struct {
		flag  string
		value int
	}{
		{"--max-connections", l.MaxConnections},
		{"--max-connections-per-address", l.MaxPerAddress},
		{"--max-publishers", l.MaxPublishers},
		{"--max-publishers-per-address", l.MaxPublishersA},
		{"--max-viewers", l.MaxViewers},
		{"--max-viewers-per-address", l.MaxViewersA},
		{"--max-dvr-mib", l.MaxDVRMiB},
	} {
		if n.value < 1 {
			return fmt.Errorf("%s is %d: at least 1 is needed", n.flag, n.value)
		}
	}
	return nil
}

// proxies reads --trusted-proxy: addresses and networks.
func (l *Limits) proxies() (ports.Proxies, error) {
	var all ports.Proxies
	for _, text := range l.TrustedProxies {
		network, err := netip.ParsePrefix(text)
		if err != nil {
			var addr netip.Addr
			if addr, err = netip.ParseAddr(text); err == nil {
				network, err = addr.Prefix(addr.BitLen())
			}
		}
		if err != nil {
			return nil, fmt.Errorf("--trusted-proxy %q: want an address or a network, as 192.0.2.7 or 10.0.0.0/8", text)
		}
		all = append(all, network)
	}
	return all, nil
}

// limit bounds a port; refusal may be nil.
func (n *node) limit(ln net.Listener, refusal func(string) string) net.Listener {
	return ports.Limit(ln, ports.Limits{
		All: n.cfg.MaxConnections, PerAddress: n.cfg.MaxPerAddress, Proxies: n.proxies, Refusal: refusal, Log: n.Log,
	})
}

// refuseHTTP is what an HTTP client is told that cannot be served.
func refuseHTTP(text string) string {
	return fmt.Sprintf("HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 5\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s\n",
		len(text)+1, text)
}
