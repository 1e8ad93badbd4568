// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ERC1967Proxy} from "@openzeppelin/contracts/proxy/ERC1967/ERC1967Proxy.sol";
import {Disputes} from "../src/Disputes.sol";
import {TicketBroker} from "../src/TicketBroker.sol";
import {ISlashing} from "../src/interfaces/ISlashing.sol";
import {Registration} from "../src/staking/StakingState.sol";
import {Fixture} from "./Fixture.sol";
import {GasMeter} from "./GasMeter.sol";
import {ReceiptFixture} from "./ReceiptFixture.sol";

/// What meets the real Staking through its proxy: sweeps, and disputes through their own. The figures are committed in
/// snapshots/; the limits are the issue's.
/// forge-config: default.isolate = true
contract GasDisputesTest is Fixture, ReceiptFixture, GasMeter {
    address private accused = address(0xACC5);
    address private treasury = address(0x7EA5);
    address private challenger = address(0xC4A1);
    Disputes private disputes;

    function setUp() public override {
        super.setUp();
        _give(accused, 40 ether);
        vm.prank(accused);
        staking.register(
            Registration(vm.addr(OPERATOR_KEY), 100_000, 500_000, "https://127.0.0.1:8935", 7), 20 ether, ""
        );
        _delegate(delegator, accused, 20 ether);
        Disputes.Terms memory terms = Disputes.Terms(0.1 ether, 60, 1 days, 3 days, 100_000, 300_000, 100_000, treasury);
        bytes memory init = abi.encodeCall(Disputes.initialize, (address(manager), terms));
        Disputes implementation = new Disputes(ISlashing(address(staking)), broker, token);
        disputes = Disputes(address(new ERC1967Proxy(address(implementation), init)));
        vm.startPrank(address(timelock));
        manager.grantRole(JUDGE_ROLE, address(disputes), 0);
        disputes.setKind(1, Disputes.Kind(twoReceipts, 50_000, 48));
        disputes.setKind(2, Disputes.Kind(wrongSums, 50_000, 48));
        vm.stopPrank();
        vm.deal(challenger, 1 ether);
        token.transfer(treasury, 1); // they hold some
    }

    function _broker() internal view override returns (TicketBroker) {
        return broker;
    }

    function _broadcaster() internal view override returns (address) {
        return sender;
    }

    function _orchestrator() internal view override returns (address) {
        return accused;
    }

    function _reveal(uint256 kind, bytes memory evidence) private {
        bytes32 commitment = disputes.commitmentOf(kind, evidence, "salt");
        vm.prank(challenger);
        disputes.commit{value: 0.1 ether}(commitment);
        vm.warp(block.timestamp + 60);
        vm.prank(challenger);
        disputes.reveal(kind, evidence, "salt");
    }

    function test_gas_twoReceipts() public {
        _reveal(1, abi.encode(_two()));
        _measure("Disputes", "reveal E1, three renditions", 300_000);
        eq(token.balanceOf(challenger), 0.2 ether); // 10 % of 5 % of 40
        eq(token.balanceOf(sender), 0.6 ether);
        eq(token.balanceOf(treasury), 1.2 ether + 1);
        (uint256 left,,) = views.positionInfo(accused, accused);
        eq(left, 18 ether);
    }

    function test_gas_wrongSums() public {
        _reveal(2, abi.encode(_overcharged()));
        _measure("Disputes", "reveal E2, three renditions", 300_000);
        eq(token.balanceOf(challenger), 0.2 ether);
    }

    function test_gas_commit() public {
        vm.prank(challenger);
        disputes.commit{value: 0.1 ether}("c");
        _measure("Disputes", "commit", 0);
    }

    /// The pool was paid fees before.
    function test_gas_sweep() public {
        _pay(1);
        broker.sweep(orchestrators[0]);
        _pay(2);
        broker.sweep(orchestrators[0]);
        _measure("TicketBroker", "sweep", 60_000);
        eq(broker.owed(orchestrators[0]), 0);
        eq(address(staking).balance, 2 ether);
    }

    function _pay(uint64 nonce) private {
        TicketBroker.Ticket memory t;
        t.sender = sender;
        t.recipient = orchestrators[0];
        (t.fee, t.faceValue) = (1 ether, 1 ether);
        t.randHash = keccak256(abi.encode(bytes32(0)));
        t.nonce = nonce;
        t.expiry = broker.genesis() + ROUND;
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(SENDER_KEY, broker.ticketHash(t));
        broker.redeem(t, v, r, s, 0, 1 ether);
    }
}
