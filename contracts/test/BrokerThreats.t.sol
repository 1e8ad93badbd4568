// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Reserves} from "../src/Reserves.sol";
import {TicketBroker} from "../src/TicketBroker.sol";
import {BrokerFixture} from "./BrokerFixture.sol";
import {MerkleSum} from "./MerkleSum.sol";

/// A sender, recipient and pool that calls back whenever it is given money.
contract Reentrant {
    TicketBroker private _broker;
    bytes private _call;
    uint256 public attempts;

    function arm(TicketBroker broker, bytes calldata call) external {
        _broker = broker;
        _call = call;
    }

    function run(bytes calldata call, uint256 value) external {
        (bool done, bytes memory reason) = address(_broker).call{value: value}(call);
        if (!done) {
            assembly ("memory-safe") {
                revert(add(reason, 32), mload(reason))
            }
        }
    }

    receive() external payable {
        _again();
    }

    /// Staking's place is taken by this after a malicious upgrade.
    function depositFees(address) external payable {
        _again();
    }

    function _again() private {
        if (_call.length == 0) return;
        ++attempts;
        (bool done,) = address(_broker).call(_call);
        done; // refused or not: the balances tell
    }
}

/// One test per threat.
contract BrokerThreatsTest is BrokerFixture {
    // ---------------------------------------------------------------- replay

    function test_threat_replayAcrossChains() public {
        TicketBroker.Redemption memory item = _signed(_ticket(orchestrators[0], 1 ether, 1));
        vm.chainId(31_338);
        _rejects(item, TicketBroker.Reason.Signature);
    }

    function test_threat_replayAcrossContracts() public {
        TicketBroker.Redemption memory item = _signed(_ticket(orchestrators[0], 1 ether, 1));
        _redeem(item);
        TicketBroker other = new TicketBroker(staking, clock, VALIDITY, UNLOCK);
        vm.prank(sender);
        other.fundDeposit{value: 10 ether}();
        vm.expectRevert(abi.encodeWithSelector(TicketBroker.TicketRejected.selector, TicketBroker.Reason.Signature));
        other.redeem(item.ticket, item.v, item.r, item.s, item.recipientRand, 0);
    }

    /// The ticket names one receipt, and the receipt its lease: for another one the signature is none.
    function test_threat_replayAcrossLeases() public {
        TicketBroker.Redemption memory item = _signed(_ticket(orchestrators[0], 1 ether, 1));
        item.ticket.receiptHash = keccak256("the receipt of another lease");
        _rejects(item, TicketBroker.Reason.Signature);
    }

    function test_threat_replayForAnotherRecipient() public {
        TicketBroker.Redemption memory item = _signed(_ticket(orchestrators[0], 1 ether, 1));
        item.ticket.recipient = orchestrators[1];
        _rejects(item, TicketBroker.Reason.Signature);
    }

    function test_threat_nonceReuse() public {
        _redeem(_signed(_ticket(orchestrators[0], 1 ether, 1)));
        TicketBroker.Ticket memory second = _ticket(orchestrators[0], 2 ether, 1);
        second.receiptHash = keccak256("another receipt");
        _rejects(_signed(second), TicketBroker.Reason.Used);
        eq(broker.owed(orchestrators[0]), 1 ether);
    }

    // ---------------------------------------------------------------- signatures

    function test_threat_signatureMalleability() public {
        TicketBroker.Redemption memory item = _signed(_ticket(orchestrators[0], 1 ether, 1));
        item.s = bytes32(ORDER - uint256(item.s));
        item.v = item.v == 27 ? 28 : 27;
        _rejects(item, TicketBroker.Reason.Signature);
    }

    /// A compact signature has the parity in the highest bit of s: there is one form only, and it is not this one.
    function test_threat_compactSignatureIsNoSecondForm() public {
        TicketBroker.Redemption memory item = _signed(_ticket(orchestrators[0], 1 ether, 1));
        uint256 parity = item.v - 27;
        item.s = bytes32(uint256(item.s) | parity << 255);
        if (parity == 0) item.v = 0;
        _rejects(item, TicketBroker.Reason.Signature);
        item.v = uint8(parity);
        _rejects(item, TicketBroker.Reason.Signature);
    }

    function test_threat_zeroAddressSignsNothing() public {
        TicketBroker.Redemption memory item = _signed(_ticket(orchestrators[0], 1 ether, 1));
        item.ticket.sender = address(0);
        item.r = 0;
        _rejects(item, TicketBroker.Reason.Signature);
    }

    function test_threat_keyRevokedBetweenTicketAndRedemption() public {
        uint256 hot = 0x407;
        vm.prank(sender);
        broker.authoriseSigner(vm.addr(hot));
        TicketBroker.Redemption memory accepted = _signedBy(hot, _ticket(orchestrators[0], 1 ether, 1));
        vm.prank(sender);
        broker.revokeSigner(vm.addr(hot));
        vm.warp(accepted.ticket.expiry);
        eq(_redeem(accepted), 1 ether);
        vm.warp(block.timestamp + UNLOCK);
        _rejects(_signedBy(hot, _ticket(orchestrators[0], 1 ether, 2)), TicketBroker.Reason.Signature);
    }

    // ---------------------------------------------------------------- reserves

    /// The sender unlocks in the second in which it signs its last ticket; everything accepted can be redeemed to its last second.
    function test_threat_withdrawalRacingRedemptions() public {
        _enrolAll();
        _drainDeposit();
        vm.warp(broker.genesis() + PERIOD - 1);
        TicketBroker.Redemption memory last = _signed(_ticket(orchestrators[0], 7.5 ether, 1));
        uint64 end = uint64(block.timestamp) + UNLOCK;
        vm.prank(sender);
        broker.unlock();
        vm.warp(last.ticket.expiry);
        vm.prank(sender);
        vm.expectRevert(abi.encodeWithSelector(Reserves.Locked.selector, end));
        broker.withdraw();
        eq(_redeem(last), 7.5 ether);
        vm.warp(end);
        vm.prank(sender);
        broker.withdraw();
        eq(address(broker).balance, 17.5 ether); // what is owed
    }

    /// Two recipients that collude with the sender, over every round of two periods and with tickets without end, and one that is
    /// honest and redeems in the last second.
    function test_threat_reserveDrainedByColludersBeforeAnHonestLateClaimant() public {
        _enrolAll();
        _drainDeposit();
        TicketBroker.Redemption memory honest = _signed(_ticket(orchestrators[2], 7.5 ether, 1));
        honest.ticket.round = 24;
        honest.ticket.expiry = _lastExpiry(24);
        honest = _signed(honest.ticket);
        uint64 nonce = 10;
        while (block.timestamp + ROUND < honest.ticket.expiry) {
            for (uint256 i = 0; i < 2; ++i) {
                broker.enrol(broker.currentRound(), orchestrators[i]);
                _tryRedeem(_signed(_ticket(orchestrators[i], 60 ether, nonce++)));
                _tryRedeem(_signed(_ticket(orchestrators[i], 1 ether, nonce++)));
            }
            vm.warp(block.timestamp + ROUND);
        }
        vm.warp(honest.ticket.expiry);
        eq(_redeem(honest), 7.5 ether);
    }

    function _tryRedeem(TicketBroker.Redemption memory i) private {
        try broker.redeem(i.ticket, i.v, i.r, i.s, i.recipientRand, 0) {} catch {}
    }

    /// Churn of the active set within the life of a ticket: each newcomer gets less, nobody that is enrolled anything less.
    function test_threat_churnPromisesMoreThanTheReserve() public {
        _enrolAll();
        uint256 sum = 3 * _share(orchestrators[0], 0);
        for (uint160 i = 0; i < 40; ++i) {
            address who = address(0xE000 + i);
            staking.join(who, broker.currentRound());
            broker.enrol(broker.currentRound(), who);
            sum += _share(who, 0);
            staking.retire(who);
            if (i % 2 == 0) vm.warp(block.timestamp + ROUND);
        }
        (uint256 budget,) = _budget(0);
        ok(sum <= budget, "within the budget");
        eq(_share(orchestrators[0], 0), 7.5 ether);
    }

    function test_threat_allocationOverPromised() public {
        MerkleSum.Leaf[] memory leaves = new MerkleSum.Leaf[](2);
        leaves[0] = MerkleSum.Leaf(orchestrators[0], 20 ether);
        leaves[1] = MerkleSum.Leaf(orchestrators[1], 20 ether);
        (bytes32 root, uint256 sum) = MerkleSum.root(leaves);
        vm.startPrank(sender);
        vm.expectRevert(abi.encodeWithSelector(Reserves.OverPromised.selector, sum, 30 ether));
        broker.allocate(1, root, sum);
        // With a lower sum than the tree's the leaves cannot be proved, and back nothing.
        broker.allocate(1, root, 30 ether);
        (uint256 position, Reserves.Sibling[] memory path) = MerkleSum.path(leaves, 0);
        vm.expectRevert(abi.encodeWithSelector(Reserves.InvalidProof.selector, 0));
        broker.allot(sender, 1, 0, orchestrators[0], 20 ether, position, path);
    }

    /// A root whose sum is that of huge leaves modulo 2^96.
    function test_threat_rootWithOverflowingSums() public {
        uint96 huge = type(uint96).max - 1 ether + 1;
        Reserves.Sibling memory left = Reserves.Sibling(MerkleSum.leaf(orchestrators[0], huge), huge);
        Reserves.Sibling memory right = Reserves.Sibling(MerkleSum.leaf(orchestrators[1], 2 ether), 2 ether);
        bytes32 root = MerkleSum.node(left, right);
        vm.prank(sender);
        broker.allocate(1, root, 1 ether);
        Reserves.Sibling[] memory path = new Reserves.Sibling[](1);
        path[0] = left;
        vm.expectRevert(abi.encodeWithSignature("Panic(uint256)", 0x11));
        broker.allot(sender, 1, 0, orchestrators[1], 2 ether, 1, path);
        path[0] = right;
        vm.expectRevert(abi.encodeWithSignature("Panic(uint256)", 0x11));
        broker.allot(sender, 1, 0, orchestrators[0], huge, 0, path);
    }

    // ---------------------------------------------------------------- front-running

    /// Whoever redeems, the recipient is paid, all of it or as much as there is; what is left stays due.
    function test_threat_frontRunRedemptionAtAMomentWithoutFunds() public {
        _drainDeposit();
        vm.prank(sender);
        broker.fundDeposit{value: 1}();
        TicketBroker.Redemption memory winner = _signed(_ticket(orchestrators[0], 5 ether, 1));
        vm.prank(sender);
        eq(broker.redeem(winner.ticket, winner.v, winner.r, winner.s, winner.recipientRand, 0), 1);
        eq(broker.partPaid(sender, orchestrators[0], 7, 1), 1);
        ok(!broker.isUsed(sender, orchestrators[0], 7, 1), "still due");
        _rejects(winner, TicketBroker.Reason.Insufficient);
        vm.prank(sender);
        broker.fundDeposit{value: 6 ether}();
        vm.expectRevert(abi.encodeWithSelector(TicketBroker.PayoutTooLow.selector, 5 ether - 1, 5 ether));
        broker.redeem(winner.ticket, winner.v, winner.r, winner.s, winner.recipientRand, 5 ether);
        eq(_batch(winner).paid, 5 ether - 1);
        eq(broker.partPaid(sender, orchestrators[0], 7, 1), 0);
        eq(broker.owed(orchestrators[0]), 5 ether);
        _rejects(winner, TicketBroker.Reason.Used);
    }

    /// A sender that sees a winner coming signs a ticket of the same nonce, worth 1 wei, with a random number of its own.
    function test_threat_frontRunRedemptionWithASecondTicketOfItsNonce() public {
        vm.prank(orchestrators[0]);
        broker.setRelayer(address(this));
        TicketBroker.Redemption memory winner = _signed(_ticket(orchestrators[0], 5 ether, 1));
        TicketBroker.Redemption[] memory poison = new TicketBroker.Redemption[](1);
        poison[0] = _signed(_ticket(orchestrators[0], 1, 1));
        vm.startPrank(sender);
        vm.expectRevert(abi.encodeWithSelector(TicketBroker.TicketRejected.selector, TicketBroker.Reason.Relayer));
        broker.redeem(poison[0].ticket, poison[0].v, poison[0].r, poison[0].s, poison[0].recipientRand, 0);
        ok(broker.batchRedeem(poison)[0].reason == TicketBroker.Reason.Relayer, "nor in a batch");
        vm.stopPrank();
        eq(_redeem(winner), 5 ether);
        winner = _signed(_ticket(orchestrators[0], 1 ether, 2));
        vm.prank(orchestrators[0]); // the recipient itself always may
        broker.redeem(winner.ticket, winner.v, winner.r, winner.s, winner.recipientRand, 0);
        eq(broker.relayerOf(orchestrators[0]), address(this));
    }

    /// Somebody redeems the second item of a batch first: the others are paid, and it is not paid twice.
    function test_threat_frontRunBatchItem() public {
        TicketBroker.Redemption[] memory items = new TicketBroker.Redemption[](3);
        for (uint64 i = 0; i < 3; ++i) {
            items[i] = _signed(_ticket(orchestrators[0], 1 ether, i));
        }
        vm.prank(address(0xF407));
        _redeem(items[1]);
        TicketBroker.Outcome[] memory outcomes = broker.batchRedeem(items);
        ok(outcomes[0].reason == TicketBroker.Reason.None && outcomes[0].paid == 1 ether, "first");
        ok(outcomes[1].reason == TicketBroker.Reason.Used && outcomes[1].paid == 0, "front-run");
        ok(outcomes[2].reason == TicketBroker.Reason.None && outcomes[2].paid == 1 ether, "third");
        eq(broker.owed(orchestrators[0]), 3 ether);
    }

    // ---------------------------------------------------------------- callbacks

    function test_threat_reentrancyByAWithdrawingSender() public {
        Reentrant thief = new Reentrant();
        thief.arm(broker, "");
        vm.deal(address(thief), 5 ether);
        thief.run(abi.encodeCall(broker.fund, (2 ether, 3 ether)), 5 ether);
        thief.run(abi.encodeCall(broker.unlock, ()), 0);
        vm.warp(block.timestamp + UNLOCK);
        thief.arm(broker, abi.encodeCall(broker.withdraw, ()));
        thief.run(abi.encodeCall(broker.withdraw, ()), 0);
        eq(thief.attempts(), 1);
        eq(address(thief).balance, 5 ether);
        eq(address(broker).balance, 70 ether);
    }

    /// A recipient is not called when it is paid. Only a sweep calls, and it calls Staking.
    function test_threat_reentrancyByAMaliciousRecipient() public {
        Reentrant thief = new Reentrant();
        thief.arm(broker, abi.encodeCall(broker.sweep, (address(thief))));
        _redeem(_signed(_ticket(address(thief), 1 ether, 1)));
        eq(thief.attempts(), 0);
        bytes memory code = address(staking).code;
        vm.etch(address(staking), address(thief).code);
        _redeem(_signed(_ticket(orchestrators[0], 2 ether, 2)));
        Reentrant(payable(address(staking))).arm(broker, abi.encodeCall(broker.sweep, (orchestrators[0])));
        eq(broker.sweep(orchestrators[0]), 2 ether);
        eq(address(staking).balance, 2 ether); // once
        eq(address(broker).balance, 68 ether);
        vm.etch(address(staking), code);
    }

    function test_threat_stakingUpgradeThatReverts() public {
        _redeem(_signed(_ticket(orchestrators[0], 1 ether, 1)));
        staking.setBroken(true);
        eq(broker.sweep(orchestrators[0]), 0);
        eq(broker.owed(orchestrators[0]), 1 ether);
        _redeem(_signed(_ticket(orchestrators[0], 1 ether, 2)));
        eq(broker.owed(orchestrators[0]), 2 ether);
        staking.setBroken(false);
        eq(broker.sweep(orchestrators[0]), 2 ether);
        eq(address(staking).balance, 2 ether);
    }
}
