// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Reserves} from "../src/Reserves.sol";
import {TicketBroker} from "../src/TicketBroker.sol";
import {ClockMock} from "./mocks/ClockMock.sol";
import {StakingMock} from "./mocks/StakingMock.sol";

/// The part of forge's cheat codes that the tests of broker and disputes use.
interface Cheats {
    struct Log {
        bytes32[] topics;
        bytes data;
        address emitter;
    }

    function addr(uint256 key) external pure returns (address);
    function sign(uint256 key, bytes32 digest) external pure returns (uint8 v, bytes32 r, bytes32 s);
    function prank(address sender) external;
    function startPrank(address sender) external;
    function stopPrank() external;
    function deal(address account, uint256 balance) external;
    function etch(address account, bytes calldata code) external;
    function warp(uint256 time) external;
    function chainId(uint256 id) external;
    function expectRevert(bytes calldata data) external;
    function expectRevert() external;
    function expectEmit(address emitter) external;
    function assume(bool condition) external pure;
    function recordLogs() external;
    function getRecordedLogs() external returns (Log[] memory);
    function readFile(string calldata path) external view returns (string memory);
    function projectRoot() external view returns (string memory);
    function parseJsonBytes32(string calldata json, string calldata key) external pure returns (bytes32);
    function parseJsonBytes(string calldata json, string calldata key) external pure returns (bytes memory);
    function parseJsonAddress(string calldata json, string calldata key) external pure returns (address);
    function parseJsonString(string calldata json, string calldata key) external pure returns (string memory);
    function parseJsonUint(string calldata json, string calldata key) external pure returns (uint256);
    function parseJsonInt(string calldata json, string calldata key) external pure returns (int256);
    function parseJsonBool(string calldata json, string calldata key) external pure returns (bool);
    function parseJsonType(string calldata json, string calldata key, string calldata typeDescription)
        external
        pure
        returns (bytes memory);
    function parseUint(string calldata value) external pure returns (uint256);
    function keyExistsJson(string calldata json, string calldata key) external view returns (bool);
    function toString(uint256 value) external pure returns (string memory);
    function snapshotGasLastCall(string calldata group, string calldata name) external returns (uint256);
    function snapshotValue(string calldata group, string calldata name, uint256 value) external;
    function cool(address account) external;
}

/// Assertions.
abstract contract Asserts {
    error NotEqual(bytes32 got, bytes32 want);
    error NotTrue(string what);

    function eq(uint256 got, uint256 want) internal pure {
        if (got != want) revert NotEqual(bytes32(got), bytes32(want));
    }

    function eq(address got, address want) internal pure {
        eq(uint256(uint160(got)), uint256(uint160(want)));
    }

    function eq(bytes32 got, bytes32 want) internal pure {
        if (got != want) revert NotEqual(got, want);
    }

    function ok(bool condition, string memory what) internal pure {
        if (!condition) revert NotTrue(what);
    }
}

/// A broker with three orchestrators in the active set and a broadcaster with 10 ether of deposit and 60 of reserve.
abstract contract BrokerFixture is Asserts {
    Cheats internal constant vm = Cheats(address(uint160(uint256(keccak256("hevm cheat code")))));

    uint64 internal constant ROUND = 1 hours;
    uint64 internal constant VALIDITY = 1 days;
    uint64 internal constant UNLOCK = 3 days;
    uint64 internal constant PERIOD = 25 hours; // rounds in a period × ROUND
    uint256 internal constant SENDER_KEY = 0xB0B;
    uint256 internal constant ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;

    ClockMock internal clock;
    StakingMock internal staking;
    TicketBroker internal broker;

    address internal sender;
    address[3] internal orchestrators = [address(0xA1), address(0xA2), address(0xA3)];

    function setUp() public virtual {
        vm.warp(1_800_000_000);
        sender = vm.addr(SENDER_KEY);
        clock = new ClockMock(ROUND);
        staking = new StakingMock();
        broker = new TicketBroker(staking, clock, VALIDITY, UNLOCK);
        for (uint256 i = 0; i < 3; ++i) {
            staking.join(orchestrators[i], 0);
        }
        vm.deal(sender, 1000 ether);
        vm.prank(sender);
        broker.fund{value: 70 ether}(10 ether, 60 ether);
    }

    /// A ticket that is paid for certain: `amount` for `recipient`.
    function _ticket(address recipient, uint256 amount, uint64 nonce)
        internal
        view
        returns (TicketBroker.Ticket memory t)
    {
        t.receiptHash = keccak256(abi.encode(recipient, nonce));
        t.sender = sender;
        t.recipient = recipient;
        t.fee = amount;
        t.faceValue = amount;
        t.randHash = keccak256(abi.encode(_rand(nonce)));
        t.lane = 7;
        t.nonce = nonce;
        t.round = broker.currentRound();
        t.expiry = _lastExpiry(t.round);
    }

    function _lastExpiry(uint64 round) internal view returns (uint64) {
        return broker.genesis() + (round + 1) * ROUND + VALIDITY;
    }

    function _rand(uint64 nonce) internal pure returns (bytes32) {
        return keccak256(abi.encode("rand", nonce));
    }

    function _signed(TicketBroker.Ticket memory t) internal view returns (TicketBroker.Redemption memory item) {
        return _signedBy(SENDER_KEY, t);
    }

    function _signedBy(uint256 key, TicketBroker.Ticket memory t)
        internal
        view
        returns (TicketBroker.Redemption memory item)
    {
        item.ticket = t;
        (item.v, item.r, item.s) = vm.sign(key, broker.ticketHash(t));
        item.recipientRand = _rand(t.nonce);
    }

    function _redeem(TicketBroker.Redemption memory i) internal returns (uint256) {
        return broker.redeem(i.ticket, i.v, i.r, i.s, i.recipientRand, 0);
    }

    function _batch(TicketBroker.Redemption memory i) internal returns (TicketBroker.Outcome memory) {
        TicketBroker.Redemption[] memory items = new TicketBroker.Redemption[](1);
        items[0] = i;
        return broker.batchRedeem(items)[0];
    }

    function _rejects(TicketBroker.Redemption memory i, TicketBroker.Reason reason) internal {
        ok(_batch(i).reason == reason, "batch reports the reason");
        vm.expectRevert(abi.encodeWithSelector(TicketBroker.TicketRejected.selector, reason));
        _redeem(i);
    }

    function _deposit() internal view returns (uint256 deposit) {
        (deposit,,) = broker.senderInfo(sender);
    }

    function _reserve() internal view returns (uint256 reserve) {
        (, reserve,) = broker.senderInfo(sender);
    }

    function _share(address recipient, uint64 round) internal view returns (uint256 share) {
        (share,) = broker.reserveShare(sender, recipient, round);
    }

    function _left(address recipient, uint64 round) internal view returns (uint256) {
        (uint256 share, uint256 claimed) = broker.reserveShare(sender, recipient, round);
        return share - claimed;
    }

    function _budget(uint64 period) internal view returns (uint256 total, uint256 spent) {
        (total, spent,) = broker.budgetOf(sender, period);
    }

    function _enrolAll() internal {
        uint64 round = broker.currentRound();
        for (uint256 i = 0; i < 3; ++i) {
            broker.enrol(round, orchestrators[i]);
        }
    }

    function _drainDeposit() internal {
        uint256 deposit = _deposit();
        if (deposit != 0) _redeem(_signed(_ticket(address(0xD7A1), deposit, 1_000_000)));
        eq(_deposit(), 0);
    }

    function _nextPeriod() internal {
        vm.warp(broker.genesis() + (broker.currentPeriod() + 1) * PERIOD);
    }
}
