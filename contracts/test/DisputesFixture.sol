// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AccessManager} from "@openzeppelin/contracts/access/manager/AccessManager.sol";
import {ERC1967Proxy} from "@openzeppelin/contracts/proxy/ERC1967/ERC1967Proxy.sol";
import {Disputes} from "../src/Disputes.sol";
import {TicketBroker} from "../src/TicketBroker.sol";
import {BrokerFixture} from "./BrokerFixture.sol";
import {ReceiptFixture} from "./ReceiptFixture.sol";
import {CastMock} from "./mocks/CastMock.sol";
import {SlashingMock} from "./mocks/SlashingMock.sol";

/// A broker, Disputes behind a proxy, and one orchestrator with 100 CAST of its own and 900 of delegators.
abstract contract DisputesFixture is BrokerFixture, ReceiptFixture {
    uint256 internal constant TWO_RECEIPTS = 1;
    uint256 internal constant WRONG_SUMS = 2;
    uint96 internal constant BOND = 0.1 ether;
    uint64 internal constant DELAY = 1 minutes;
    uint64 internal constant WINDOW = 1 days;
    uint64 internal constant EVIDENCE = 3 days;
    bytes32 internal constant SALT = "salt";

    CastMock internal cast;
    SlashingMock internal slashing;
    AccessManager internal manager;
    Disputes internal disputes;

    address internal orchestrator = address(0xA1);
    address internal challenger = address(0xC4A1);
    address internal treasury = address(0x7EA5);

    function setUp() public virtual override {
        super.setUp();
        cast = new CastMock();
        slashing = new SlashingMock(cast);
        cast.mint(address(slashing), 1000 ether);
        slashing.setPool(100 ether, 900 ether);
        slashing.setRound(0, vm.addr(OPERATOR_KEY), 1000 ether);
        manager = new AccessManager(address(this));
        disputes = _deployDisputes();
        disputes.setKind(TWO_RECEIPTS, Disputes.Kind(twoReceipts, 50_000, 48)); // 5 %, two days
        disputes.setKind(WRONG_SUMS, Disputes.Kind(wrongSums, 20_000, 0));
        vm.deal(challenger, 10 ether);
    }

    function _broker() internal view override returns (TicketBroker) {
        return broker;
    }

    function _broadcaster() internal view override returns (address) {
        return sender;
    }

    function _orchestrator() internal view override returns (address) {
        return orchestrator;
    }

    function _deployDisputes() internal returns (Disputes) {
        Disputes implementation = new Disputes(slashing, broker, cast);
        bytes memory init = abi.encodeCall(Disputes.initialize, (address(manager), _terms()));
        return Disputes(address(new ERC1967Proxy(address(implementation), init)));
    }

    function _terms() internal view returns (Disputes.Terms memory) {
        return Disputes.Terms({
            bond: BOND,
            revealDelay: DELAY,
            revealWindow: WINDOW,
            evidencePeriod: EVIDENCE,
            challengerPpm: 100_000,
            broadcasterPpm: 300_000,
            periodPpm: 100_000,
            treasury: treasury
        });
    }

    // ---------------------------------------------------------------- procedure

    function _commit(address who, uint256 kind, bytes memory evidence) internal returns (bytes32 commitment) {
        commitment = disputes.commitmentOf(kind, evidence, SALT);
        vm.prank(who);
        disputes.commit{value: BOND}(commitment);
    }

    function _accuse(uint256 kind, bytes memory evidence) internal {
        _commit(challenger, kind, evidence);
        vm.warp(block.timestamp + DELAY);
        vm.prank(challenger);
        disputes.reveal(kind, evidence, SALT);
    }

    function _accuseFails(uint256 kind, bytes memory evidence, bytes memory reason) internal {
        _commit(challenger, kind, evidence);
        vm.warp(block.timestamp + DELAY);
        vm.expectRevert(reason);
        vm.prank(challenger);
        disputes.reveal(kind, evidence, SALT);
    }
}
