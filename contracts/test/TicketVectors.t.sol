// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Asserts, Cheats} from "./BrokerFixture.sol";
import {TicketBroker} from "../src/TicketBroker.sol";
import {ClockMock} from "./mocks/ClockMock.sol";
import {StakingMock} from "./mocks/StakingMock.sol";

/// The tickets that the Go code keeps in vectors/tickets.json: the same digests, the same signers, the same draws. They are for
/// chain 31337 and a broker at 0x…b0.
contract TicketVectorsTest is Asserts {
    Cheats private constant vm = Cheats(address(uint160(uint256(keccak256("hevm cheat code")))));

    TicketBroker private _broker = TicketBroker(address(0xb0));
    string private _json;

    function setUp() public {
        _json = vm.readFile("test/vectors/tickets.json");
        vm.chainId(31_337);
        // The tickets are of round 3 and expire at 4e9.
        vm.warp(3_999_980_000);
        TicketBroker original = new TicketBroker(new StakingMock(), new ClockMock(1 hours), 1 days, 3 days);
        vm.warp(3_999_999_000);
        vm.etch(address(_broker), address(original).code);
    }

    function test_vectors() public {
        uint256 wins;
        uint256 i = 0;
        for (; vm.keyExistsJson(_json, _key(i, "")); ++i) {
            TicketBroker.Redemption memory item = _item(i);
            eq(_broker.ticketHash(item.ticket), vm.parseJsonBytes32(_json, _key(i, ".digest")));
            bool pays = vm.parseJsonUint(_json, _key(i, ".pays")) != 0;
            TicketBroker.Redemption[] memory items = new TicketBroker.Redemption[](1);
            items[0] = item;
            // A winner gets as far as the sender's funds, and there are none.
            TicketBroker.Reason want = pays ? TicketBroker.Reason.Insufficient : TicketBroker.Reason.NotWinning;
            ok(_broker.batchRedeem(items)[0].reason == want, "the draw");
            if (pays) ++wins;
        }
        ok(i == 25 && wins > 3, "all vectors");
    }

    function _item(uint256 i) private view returns (TicketBroker.Redemption memory item) {
        TicketBroker.Ticket memory t = item.ticket;
        t.receiptHash = vm.parseJsonBytes32(_json, _key(i, ".receiptHash"));
        t.sender = vm.parseJsonAddress(_json, _key(i, ".sender"));
        t.recipient = vm.parseJsonAddress(_json, _key(i, ".recipient"));
        t.fee = vm.parseJsonUint(_json, _key(i, ".fee"));
        t.faceValue = vm.parseJsonUint(_json, _key(i, ".faceValue"));
        t.randHash = vm.parseJsonBytes32(_json, _key(i, ".randHash"));
        t.lane = uint64(vm.parseJsonUint(_json, _key(i, ".lane")));
        t.nonce = uint64(vm.parseJsonUint(_json, _key(i, ".nonce")));
        t.round = uint64(vm.parseJsonUint(_json, _key(i, ".round")));
        t.expiry = uint64(vm.parseJsonUint(_json, _key(i, ".expiry")));
        item.recipientRand = vm.parseJsonBytes32(_json, _key(i, ".recipientRand"));
        bytes memory signature = vm.parseJsonBytes(_json, _key(i, ".signature"));
        bytes32 r;
        bytes32 s;
        assembly ("memory-safe") {
            r := mload(add(signature, 32))
            s := mload(add(signature, 64))
        }
        (item.r, item.s, item.v) = (r, s, uint8(signature[64]) + 27);
    }

    function _key(uint256 i, string memory field) private pure returns (string memory) {
        return string.concat("$[", vm.toString(i), "]", field);
    }
}
