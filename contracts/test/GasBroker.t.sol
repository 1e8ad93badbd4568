// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {TicketBroker} from "../src/TicketBroker.sol";
import {BrokerFixture} from "./BrokerFixture.sol";
import {GasMeter} from "./GasMeter.sol";

/// Gas of redemptions. The recipient was paid and swept before; the tickets go through a draw. The figures are committed in
/// snapshots/TicketBroker.json; the limits are the issue's, where they are given.
/// forge-config: default.isolate = true
contract GasBrokerTest is BrokerFixture, GasMeter {
    uint256 private constant HOT_KEY = 0x407;

    function setUp() public override {
        super.setUp();
        vm.prank(sender);
        broker.authoriseSigner(vm.addr(HOT_KEY));
        _enrolAll();
        _redeem(_signed(_ticket(orchestrators[0], 1000, 0)));
        broker.sweep(orchestrators[0]); // leaves 1 wei: what is owed is never zero again
    }

    function _limit(string memory name, uint256 limit) private {
        _measure("TicketBroker", name, limit);
    }

    /// It wins but for one draw in 10^18.
    function _winner(uint256 key, uint64 nonce) private view returns (TicketBroker.Redemption memory) {
        TicketBroker.Ticket memory t = _ticket(orchestrators[0], 0.1 ether, nonce);
        t.fee -= 1;
        return _signedBy(key, t);
    }

    function test_gas_redeem() public {
        _redeem(_winner(SENDER_KEY, 256));
        _limit("redeem, new nonce word", 75_000);
        _redeem(_winner(SENDER_KEY, 257));
        _limit("redeem", 62_000);
    }

    function test_gas_redeemByHotKey() public {
        _redeem(_winner(HOT_KEY, 256));
        _limit("redeem, hot key, new nonce word", 75_000);
        _redeem(_winner(HOT_KEY, 257));
        _limit("redeem, hot key", 62_000);
    }

    /// The first and the second claim of a recipient in a period.
    function test_gas_redeemFromReserve() public {
        _redeem(_signed(_ticket(address(0xD7A1), 10 ether - 1000, 0)));
        _redeem(_winner(HOT_KEY, 256));
        _limit("redeem from reserve, first of the period", 0);
        _redeem(_winner(HOT_KEY, 257));
        _limit("redeem from reserve", 0);
    }

    /// `step` from nonce to nonce.
    function _ten(uint64 step) private view returns (TicketBroker.Redemption[] memory items) {
        items = new TicketBroker.Redemption[](10);
        for (uint64 i = 0; i < 10; ++i) {
            items[i] = _winner(HOT_KEY, 1024 + i * step);
        }
    }

    function test_gas_batchOfTen() public {
        broker.batchRedeem(_ten(1));
        _limit("batch of ten, one nonce word", 450_000);
        eq(broker.owed(orchestrators[0]), 1 ether);
    }

    /// What a batch is in life: one ticket in hundreds wins.
    function test_gas_batchOfTenNonceWords() public {
        broker.batchRedeem(_ten(128));
        _limit("batch of ten, ten nonce words", 450_000);
        eq(broker.owed(orchestrators[0]), 1 ether);
    }

    function test_gas_enrol() public {
        broker.enrol(25, orchestrators[0]);
        _limit("enrol", 0);
    }

    function test_gas_allocate() public {
        vm.prank(sender);
        broker.allocate(1, keccak256("root"), 1 ether);
        _limit("allocate", 0);
    }
}
