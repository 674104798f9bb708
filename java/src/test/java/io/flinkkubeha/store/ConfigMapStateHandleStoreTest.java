/*
 * Licensed under the Apache License, Version 2.0 (the "License");
 * you may not use this file except in compliance with the License.
 * You may obtain a copy of the License at
 *
 *     http://www.apache.org/licenses/LICENSE-2.0
 *
 * Unless required by applicable law or agreed to in writing, software
 * distributed under the License is distributed on an "AS IS" BASIS,
 * WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
 * See the License for the specific language governing permissions and
 * limitations under the License.
 */

package io.flinkkubeha.store;

import org.apache.flink.api.java.tuple.Tuple2;
import org.apache.flink.kubernetes.highavailability.KubernetesStateHandleStore;
import org.apache.flink.runtime.leaderelection.LeadershipLostException;
import org.apache.flink.runtime.persistence.PossibleInconsistentStateException;
import org.apache.flink.runtime.persistence.StateHandleStore.AlreadyExistException;
import org.apache.flink.runtime.persistence.StateHandleStore.NotExistException;
import org.apache.flink.runtime.persistence.StringResourceVersion;
import org.apache.flink.runtime.state.RetrievableStateHandle;
import org.apache.flink.runtime.state.RetrievableStreamStateHandle;
import org.apache.flink.runtime.state.memory.ByteStreamStateHandle;
import org.apache.flink.util.FlinkException;
import org.apache.flink.util.InstantiationUtil;

import io.flinkkubeha.bridge.ErrorCode;
import io.flinkkubeha.bridge.Pointer;
import io.flinkkubeha.storage.StateFiles;
import io.flinkkubeha.storage.StoredStateHandle;
import io.flinkkubeha.storage.TestingStorages;
import org.assertj.core.api.InstanceOfAssertFactories;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

/** Tests for {@link ConfigMapStateHandleStore}. */
class ConfigMapStateHandleStoreTest {

    private static final String KEY = "state-1";
    private static final StringResourceVersion ANY_VERSION = StringResourceVersion.valueOf("any");

    @TempDir private Path directory;

    private final TestingConfigMap configMap = new TestingConfigMap();
    private StateFiles<String> files;
    private ConfigMapStateHandleStore<String> store;

    @BeforeEach
    void open() throws Exception {
        files =
                new StateFiles<>(
                        TestingStorages.flink(directory),
                        new org.apache.flink.core.fs.Path("file://" + directory + "/c"),
                        "f");
        Files.createDirectory(directory.resolve("c"));
        store = new ConfigMapStateHandleStore<>(configMap, "state-", files);
    }

    // ---- add

    @Test
    void addWritesTheFileAndThenThePointer() throws Exception {
        final RetrievableStateHandle<String> handle = store.addAndLock(KEY, "state");

        assertThat(handle.retrieveState()).isEqualTo("state");
        assertThat(store.getAndLock(KEY).retrieveState()).isEqualTo("state");
        assertThat(configMap.writes()).containsExactly("add");
        assertThat(fileCount()).isEqualTo(1);
    }

    @Test
    void addOverALiveKeyIsRefusedAndLeavesNoFile() throws Exception {
        store.addAndLock(KEY, "old");

        assertThatThrownBy(() -> store.addAndLock(KEY, "new"))
                .isInstanceOf(AlreadyExistException.class)
                .hasMessage("Could not add state-1 in ConfigMap c-config-map: state-1 exists.");

        assertThat(store.getAndLock(KEY).retrieveState()).isEqualTo("old");
        assertThat(fileCount()).isEqualTo(1);
    }

    @ParameterizedTest
    @EnumSource(
            value = ErrorCode.class,
            names = {"INTERNAL", "CLOSED", "UNKNOWN_OUTCOME", "STORAGE_FAILED"})
    void unknownOutcomeDiscardsNothing(ErrorCode code) throws Exception {
        configMap.failAfter("add", code);

        assertThatThrownBy(() -> store.addAndLock(KEY, "state"))
                .isInstanceOf(PossibleInconsistentStateException.class);

        assertThat(store.getAndLock(KEY).retrieveState()).isEqualTo("state");
    }

    @ParameterizedTest
    @EnumSource(
            value = ErrorCode.class,
            names = {
                "NOT_LEADER",
                "API_REFUSED",
                "API_UNREACHABLE",
                "TIMED_OUT",
                "TOO_LARGE",
                "FORBIDDEN",
                "CONFIG_MAP_MISSING"
            })
    void knownRefusalDiscardsTheFile(ErrorCode code) throws Exception {
        configMap.failBefore("add", code);

        assertThatThrownBy(() -> store.addAndLock(KEY, "state"))
                .isInstanceOf(FlinkException.class)
                .isNotInstanceOf(PossibleInconsistentStateException.class);

        assertThat(fileCount()).isZero();
        assertThat(configMap.pointers()).isEmpty();
    }

    @Test
    void addWithoutLeadershipIsAnExceptionNotAHandle() {
        configMap.failBefore("add", ErrorCode.NOT_LEADER);

        assertThatThrownBy(() -> store.addAndLock(KEY, "state"))
                .isInstanceOf(LeadershipLostException.class);
    }

    @Test
    void addFirstFinishesARemovalThatHadBegun() throws Exception {
        final StoredStateHandle<String> old = files.store("old");
        configMap.put(KEY, Pointer.State.MARKED, old.location());

        store.addAndLock(KEY, "new");

        assertThat(store.getAndLock(KEY).retrieveState()).isEqualTo("new");
        assertThat(configMap.writes()).containsExactly("add", "mark", "remove", "add");
        assertThat(fileCount()).isEqualTo(1);
    }

    @Test
    void addThatCannotFinishARemovalLeavesNoFile() throws Exception {
        final StoredStateHandle<String> old = files.store("old");
        configMap.put(KEY, Pointer.State.MARKED, old.location());
        configMap.failBefore("remove", ErrorCode.NOT_LEADER);

        assertThatThrownBy(() -> store.addAndLock(KEY, "new"))
                .isInstanceOf(LeadershipLostException.class);

        assertThat(fileCount()).isZero();
        assertThat(configMap.pointers().get(KEY).state()).isEqualTo(Pointer.State.MARKED);
    }

    @Test
    void addOverAValueThatNobodyCanDecodeTakesItAway() throws Exception {
        configMap.putForeign(KEY, "garbage");

        store.addAndLock(KEY, "new");

        assertThat(store.getAndLock(KEY).retrieveState()).isEqualTo("new");
    }

    @Test
    void addOverAForeignPointerIsRefused() throws Exception {
        configMap.putForeign(KEY, foreign("old", false));

        assertThatThrownBy(() -> store.addAndLock(KEY, "new"))
                .isInstanceOf(AlreadyExistException.class);

        assertThat(store.getAndLock(KEY).retrieveState()).isEqualTo("old");
        assertThat(fileCount()).isZero();
    }

    @Test
    void rivalThatAddsAgainAndAgainDoesNotKeepUsForEver() throws Exception {
        final TestingConfigMap.Fault[] rival = new TestingConfigMap.Fault[1];
        rival[0] =
                () -> {
                    configMap.put(KEY, Pointer.State.MARKED, "file:/nowhere");
                    configMap.runBefore("add", rival[0]);
                };
        configMap.runBefore("add", rival[0]);

        assertThatThrownBy(() -> store.addAndLock(KEY, "new")).isInstanceOf(FlinkException.class);

        assertThat(fileCount()).isZero();
    }

    // ---- replace

    @Test
    void replaceDiscardsWhatItReplaced() throws Exception {
        store.addAndLock(KEY, "old");

        store.replace(KEY, ANY_VERSION, "new");

        assertThat(store.getAndLock(KEY).retrieveState()).isEqualTo("new");
        assertThat(fileCount()).isEqualTo(1);
    }

    @Test
    void replaceOfAnAbsentKeyIsRefused() throws Exception {
        assertThatThrownBy(() -> store.replace(KEY, ANY_VERSION, "new"))
                .isInstanceOf(NotExistException.class);
        assertThat(fileCount()).isZero();
    }

    @Test
    void replaceOfAMarkedKeyFinishesTheRemovalAndIsRefused() throws Exception {
        configMap.put(KEY, Pointer.State.MARKED, files.store("old").location());

        assertThatThrownBy(() -> store.replace(KEY, ANY_VERSION, "new"))
                .isInstanceOf(NotExistException.class);

        assertThat(configMap.pointers()).isEmpty();
        assertThat(fileCount()).isZero();
    }

    @Test
    void replaceOfAMarkedKeyTellsWhyTheRemovalCouldNotBeFinished() throws Exception {
        configMap.put(KEY, Pointer.State.MARKED, "unknown-scheme://host/file");

        assertThatThrownBy(() -> store.replace(KEY, ANY_VERSION, "new"))
                .isInstanceOf(NotExistException.class)
                .satisfies(
                        e ->
                                assertThat(e.getSuppressed())
                                        .singleElement(InstanceOfAssertFactories.THROWABLE)
                                        .isInstanceOf(IOException.class));

        assertThat(configMap.pointers().get(KEY).state()).isEqualTo(Pointer.State.MARKED);
        assertThat(fileCount()).isZero();
    }

    @ParameterizedTest
    @EnumSource(
            value = ErrorCode.class,
            names = {"NOT_LEADER", "API_REFUSED", "TOO_LARGE", "CONFIG_MAP_MISSING"})
    void replaceThatWasRefusedKeepsTheOldStateAlone(ErrorCode code) throws Exception {
        store.addAndLock(KEY, "old");
        configMap.failBefore("replace", code);

        assertThatThrownBy(() -> store.replace(KEY, ANY_VERSION, "new"))
                .isInstanceOf(FlinkException.class)
                .isNotInstanceOf(PossibleInconsistentStateException.class);

        assertThat(store.getAndLock(KEY).retrieveState()).isEqualTo("old");
        assertThat(fileCount()).isEqualTo(1);
    }

    @Test
    void replaceWithUnknownOutcomeKeepsBothFiles() throws Exception {
        store.addAndLock(KEY, "old");
        configMap.failBefore("replace", ErrorCode.UNKNOWN_OUTCOME);

        assertThatThrownBy(() -> store.replace(KEY, ANY_VERSION, "new"))
                .isInstanceOf(PossibleInconsistentStateException.class);

        assertThat(fileCount()).isEqualTo(2);
    }

    @Test
    void replaceSucceedsThoughTheOldStateCannotBeDiscarded() throws Exception {
        store.addAndLock(KEY, "old");
        configMap.put(KEY, Pointer.State.LIVE, "unknown-scheme://host/file");

        assertThatCode(() -> store.replace(KEY, ANY_VERSION, "new")).doesNotThrowAnyException();

        assertThat(store.getAndLock(KEY).retrieveState()).isEqualTo("new");
    }

    // ---- read

    @Test
    void existsTellsLiveKeysOnly() throws Exception {
        assertThat(store.exists(KEY).isExisting()).isFalse();
        configMap.put(KEY, Pointer.State.LIVE, "file:/a");
        assertThat(store.exists(KEY).isExisting()).isTrue();
        configMap.put(KEY, Pointer.State.MARKED, "file:/a");
        assertThat(store.exists(KEY).isExisting()).isFalse();
        configMap.putForeign(KEY, "garbage");
        assertThat(store.exists(KEY).isExisting()).isFalse();
        configMap.putForeign(KEY, foreign("state", false));
        assertThat(store.exists(KEY).isExisting()).isTrue();
        configMap.putForeign(KEY, foreign("state", true));
        assertThat(store.exists(KEY).isExisting()).isFalse();
        assertThat(configMap.writes()).as("looking removes nothing").isEmpty();
    }

    @Test
    void getRefusesWhatIsNotLive() throws Exception {
        assertThatThrownBy(() -> store.getAndLock(KEY))
                .isInstanceOf(NotExistException.class)
                .hasMessage("Could not find state-1 in ConfigMap c-config-map.");
        configMap.put(KEY, Pointer.State.MARKED, "file:/a");
        assertThatThrownBy(() -> store.getAndLock(KEY)).isInstanceOf(NotExistException.class);
        configMap.putForeign(KEY, "garbage");
        assertThatThrownBy(() -> store.getAndLock(KEY))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("state-1 in ConfigMap c-config-map")
                .hasMessageContaining("'garbage'");
    }

    @Test
    void listsHoldLiveKeysOfTheStoreInOrder() throws Exception {
        store.addAndLock("state-2", "two");
        store.addAndLock("state-1", "one");
        configMap.put("state-3", Pointer.State.MARKED, "file:/a");
        configMap.putForeign("state-4", "garbage");
        configMap.putForeign("state-5", foreign("five", false));
        configMap.put("other", Pointer.State.LIVE, "file:/a");

        final List<Tuple2<RetrievableStateHandle<String>, String>> all = store.getAllAndLock();

        assertThat(all).extracting(entry -> entry.f1).containsExactly("state-1", "state-2", "state-5");
        assertThat(all.get(2).f0.retrieveState()).isEqualTo("five");
        assertThat(store.getAllHandles()).containsExactly("state-1", "state-2", "state-5");
    }

    @Test
    void missingConfigMapHoldsNoCheckpointsAndIsAnErrorOtherwise() throws Exception {
        configMap.delete();

        assertThat(store.getAllAndLock()).isEmpty();
        assertThatThrownBy(() -> store.getAllHandles()).isInstanceOf(FlinkException.class);
        assertThatThrownBy(() -> store.exists(KEY)).isInstanceOf(FlinkException.class);
        assertThatThrownBy(() -> store.getAndLock(KEY))
                .isInstanceOf(FlinkException.class)
                .isNotInstanceOf(NotExistException.class);
    }

    // ---- remove

    @Test
    void removeMarksThenDiscardsThenTakesAway() throws Exception {
        store.addAndLock(KEY, "state");
        configMap.runBefore("mark", () -> assertFileCount(1));
        configMap.runBefore("remove", () -> assertFileCount(0));

        assertThat(store.releaseAndTryRemove(KEY)).isTrue();
        assertThat(store.releaseAndTryRemove(KEY)).isTrue();

        assertThat(configMap.pointers()).isEmpty();
        assertThat(configMap.writes()).containsExactly("add", "mark", "remove", "mark");
    }

    @Test
    void removeThatCouldNotMarkDiscardsNothing() throws Exception {
        store.addAndLock(KEY, "state");
        for (ErrorCode code : List.of(ErrorCode.NOT_LEADER, ErrorCode.UNKNOWN_OUTCOME)) {
            configMap.failBefore("mark", code);
            assertThatThrownBy(() -> store.releaseAndTryRemove(KEY))
                    .isInstanceOf(FlinkException.class);
        }

        assertThat(store.getAndLock(KEY).retrieveState()).isEqualTo("state");
    }

    @Test
    void removeThatDiedAfterAnyStepCanBeRepeated() throws Exception {
        store.addAndLock(KEY, "state");
        configMap.failAfter("mark", ErrorCode.UNKNOWN_OUTCOME);
        assertThatThrownBy(() -> store.releaseAndTryRemove(KEY)).isInstanceOf(FlinkException.class);
        assertThat(store.exists(KEY).isExisting()).isFalse();
        configMap.failBefore("remove", ErrorCode.TIMED_OUT);
        assertThatThrownBy(() -> store.releaseAndTryRemove(KEY)).isInstanceOf(FlinkException.class);

        assertThat(store.releaseAndTryRemove(KEY)).isTrue();

        assertThat(configMap.pointers()).isEmpty();
        assertThat(fileCount()).isZero();
    }

    @Test
    void stateThatCannotBeDiscardedLeavesTheKeyMarked() throws Exception {
        configMap.put(KEY, Pointer.State.LIVE, "unknown-scheme://host/file");

        assertThatThrownBy(() -> store.releaseAndTryRemove(KEY)).isInstanceOf(IOException.class);

        assertThat(configMap.pointers().get(KEY).state()).isEqualTo(Pointer.State.MARKED);
    }

    @Test
    void removalGoesOnWhereADiscardFailed() throws Exception {
        final Path busy = Files.createDirectory(directory.resolve("c/busy"));
        final Path inside = Files.createFile(busy.resolve("inside"));
        configMap.put(KEY, Pointer.State.LIVE, "file://" + busy);
        assertThatThrownBy(() -> store.releaseAndTryRemove(KEY)).isInstanceOf(IOException.class);
        assertThat(store.getAllAndLock()).isEmpty();
        assertThat(configMap.pointers()).containsKey(KEY);

        Files.delete(inside);

        assertThat(store.releaseAndTryRemove(KEY)).isTrue();
        assertThat(configMap.pointers()).isEmpty();
        assertThat(busy).doesNotExist();
    }

    @Test
    void valueThatNobodyCanDecodeIsTakenAway() throws Exception {
        configMap.putForeign(KEY, "garbage");

        assertThat(store.releaseAndTryRemove(KEY)).isTrue();

        assertThat(configMap.pointers()).isEmpty();
    }

    @Test
    void foreignPointerIsDiscardedByItsOwnHandle() throws Exception {
        configMap.putForeign(KEY, foreign("state", false));

        assertThat(store.releaseAndTryRemove(KEY)).isTrue();

        assertThat(configMap.pointers()).isEmpty();
        assertThat(configMap.writes()).containsExactly("mark", "remove");
    }

    @Test
    void clearTakesKeysAwayAndLeavesFiles() throws Exception {
        store.addAndLock(KEY, "state");
        configMap.put("other", Pointer.State.LIVE, "file:/a");

        store.clearEntries();

        assertThat(configMap.pointers()).containsOnlyKeys("other");
        assertThat(fileCount()).isEqualTo(1);
        configMap.failBefore("clear", ErrorCode.NOT_LEADER);
        assertThatThrownBy(() -> store.clearEntries()).isInstanceOf(LeadershipLostException.class);
    }

    // ---- what a predecessor has begun

    @Test
    void removalsOfAPredecessorAreFinished() throws Exception {
        final StoredStateHandle<String> begun = files.store("begun");
        final StoredStateHandle<String> live = files.store("live");
        configMap.put(KEY, Pointer.State.MARKED, begun.location());
        configMap.put(KEY + "-live", Pointer.State.LIVE, live.location());
        configMap.putForeign(KEY + "-foreign", "garbage");
        configMap.put("another", Pointer.State.MARKED, live.location());
        configMap.runBefore("remove", () -> assertFileCount(1));

        store.finishRemovals();

        assertThat(configMap.pointers())
                .containsOnlyKeys(KEY + "-live", KEY + "-foreign", "another");
        assertThat(configMap.writes()).containsExactly("remove");
    }

    @Test
    void removalsOfAPredecessorThatCannotBeFinishedHurtNobody() throws Exception {
        final StoredStateHandle<String> begun = files.store("begun");
        configMap.put(KEY, Pointer.State.MARKED, "unknown-scheme://host/file");
        configMap.put(KEY + "-2", Pointer.State.MARKED, begun.location());
        configMap.failBefore("remove", ErrorCode.NOT_LEADER);

        store.finishRemovals();
        assertThat(configMap.pointers()).containsOnlyKeys(KEY, KEY + "-2");

        store.finishRemovals();
        assertThat(configMap.pointers()).containsOnlyKeys(KEY);

        configMap.delete();
        store.finishRemovals();
    }

    @Test
    void suspendedStoreFinishesItsRemovalsAndIsClosed() throws Exception {
        store.release(KEY);
        assertThat(configMap.isClosed()).isFalse();
        configMap.runBefore("finish", () -> assertThat(configMap.isClosed()).isFalse());
        store.releaseAll();
        assertThat(configMap.writes()).containsExactly("finish");
        assertThat(configMap.isClosed()).isTrue();
    }

    @Test
    void suspendedStoreIsClosedWhateverBecomesOfItsRemovals() throws Exception {
        configMap.failBefore("finish", ErrorCode.NOT_LEADER);
        store.releaseAll();
        assertThat(configMap.isClosed()).isTrue();
    }

    private static String foreign(String state, boolean marked) throws IOException {
        return KubernetesStateHandleStore.pointer(
                new RetrievableStreamStateHandle<String>(
                        new ByteStreamStateHandle(
                                "in-memory", InstantiationUtil.serializeObject(state))),
                marked);
    }

    private void assertFileCount(int expected) {
        try {
            assertThat(fileCount()).isEqualTo(expected);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private long fileCount() throws IOException {
        try (Stream<Path> found = Files.list(directory.resolve("c"))) {
            return found.count();
        }
    }
}
