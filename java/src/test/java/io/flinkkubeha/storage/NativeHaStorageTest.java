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

package io.flinkkubeha.storage;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

import java.io.IOException;
import java.util.Random;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

/** Tests for {@link NativeHaStorage}. */
@Tag("native")
class NativeHaStorageTest extends HaStorageContract {

    private HaStorages storages;

    @BeforeEach
    void open() {
        storages = TestingStorages.open(directory, "native");
    }

    @AfterEach
    void close() throws IOException {
        storages.close();
        storages.close();
    }

    @Override
    HaStorage storage() {
        return storages.of(location("x"));
    }

    @Test
    void sizesAreKept() throws Exception {
        final Random random = new Random(1);
        for (int size : new int[] {0, 1, 4096, (5 << 20) + 1}) {
            final byte[] content = new byte[size];
            random.nextBytes(content);

            storage().create(location("size-" + size), content);

            assertThat(storage().read(location("size-" + size))).isEqualTo(content);
        }
    }

    @Test
    void supplementaryCharactersAreKept() throws Exception {
        final String name = "\uD83D\uDCA5 \u00e4 \uFFFD";

        storage().create(location("names/" + name), new byte[0]);

        assertThat(storage().list(location("names"))).containsExactly(name);
    }

    @Test
    void closedStorageIsRefused() throws Exception {
        final HaStorage storage = storage();
        storages.close();

        assertThatThrownBy(() -> storage.read(location("x")))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("is closed.");
    }
}
