// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Receipts} from "../src/evidence/Receipts.sol";
import {WrongSums} from "../src/evidence/WrongSums.sol";
import {Asserts, Cheats} from "./BrokerFixture.sol";

/// What the Go code keeps in internal/receipt/testdata/vectors.json: the same digest and signer, the same ladder, the same fee.
contract ReceiptVectorsTest is Asserts {
    Cheats private constant vm = Cheats(address(uint160(uint256(keccak256("hevm cheat code")))));

    string private _json = vm.readFile("../internal/receipt/testdata/vectors.json");

    function _ladder() private pure returns (Receipts.Rung[] memory rungs) {
        rungs = new Receipts.Rung[](2);
        rungs[0] = Receipts.Rung(1, 1280, 720, 2_500_000, 1);
        rungs[1] = Receipts.Rung(1, 854, 480, 1_400_000, 1);
    }

    function test_signer() public view {
        bytes32 domain = vm.parseJsonBytes32(_json, ".domainSeparator");
        bytes32 receipt = vm.parseJsonBytes32(_json, ".receiptHash");
        eq(keccak256(abi.encodePacked(hex"1901", domain, receipt)), vm.parseJsonBytes32(_json, ".receiptDigest"));
        address signer = Receipts.signer(domain, receipt, vm.parseJsonBytes(_json, ".receiptSignature"));
        eq(signer, vm.parseJsonAddress(_json, ".signer"));
    }

    function test_ladder() public view {
        (bytes32 ladder,) = Receipts.hash(_ladder());
        eq(ladder, vm.parseJsonBytes32(_json, ".ladder720And480Hash"));
    }

    function test_fee() public {
        Receipts.Prices memory prices = Receipts.Prices(1200, 0, 0, 300, 77);
        Receipts.Source memory source;
        (source.frames, source.prefixFrames, source.width, source.height) = (60, 3, 1280, 720);
        Receipts.Rendition[] memory made = new Receipts.Rendition[](2);
        (made[0].frames, made[0].payloadBytes) = (60, 612_345);
        (made[1].frames, made[1].payloadBytes) = (60, 345_678);
        eq(new WrongSums().fee(prices, _ladder(), source, made), vm.parseJsonUint(_json, ".fee720And480"));
    }
}
