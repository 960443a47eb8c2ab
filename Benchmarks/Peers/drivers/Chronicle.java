import java.io.IOException;
import java.nio.ByteBuffer;
import net.openhft.chronicle.ChronicleQueueBuilder;
import net.openhft.chronicle.ExcerptAppender;
import net.openhft.chronicle.ExcerptTailer;

/**
 * Chronicle Queue 3, vanilla: the form that several threads may append to.
 *
 * <p>Settings: the defaults of ChronicleQueueBuilder (blocks of 64 MiB). A durable append is a synchronous one
 * (ExcerptAppender.nextSynchronous, asked for between start and end of the excerpt), which forces index and data; of
 * 64 the last is synchronous, which forces the blocks that the others are in. Readers poll: the tailer has no way to
 * wait.
 */
final class Chronicle implements Works.Peer {
  private net.openhft.chronicle.Chronicle queue;
  private boolean durable;

  @Override
  public void open(String directory, boolean durable) throws IOException {
    this.durable = durable;
    queue = ChronicleQueueBuilder.vanilla(directory).build();
  }

  @Override
  public Works.Producer begin() throws IOException {
    // An appender keeps its thread's place: it belongs to the thread that makes it.
    ExcerptAppender appender = queue.createAppender();
    return (records, size, count) -> {
      for (int i = 0; i < count; i++) {
        appender.startExcerpt(size);
        appender.nextSynchronous(durable && i == count - 1);
        ByteBuffer record = records.duplicate();
        record.position(i * size).limit((i + 1) * size);
        appender.write(record);
        appender.finish();
      }
    };
  }

  @Override
  public void read(Works.Reader reader, boolean follows) throws IOException {
    ExcerptTailer tailer = queue.createTailer();
    boolean wantsMore = true;
    while (wantsMore) {
      if (tailer.nextIndex()) {
        long first = tailer.readLong(0), others = 0, size = follows ? 8 : tailer.limit();
        for (long i = 8; i + 8 <= size; i += 8) others ^= tailer.readLong(i);
        wantsMore = reader.take(first, others);
        tailer.finish();
      } else if (follows) {
        Thread.onSpinWait();
      } else {
        break;
      }
    }
    tailer.close();
  }

  @Override
  public void openAtEnd() throws IOException {
    ExcerptTailer tailer = queue.createTailer().toEnd();
    if (tailer.remaining() < 8) throw new IOException("the last record cannot be read");
    tailer.close();
  }

  public static void main(String[] arguments) throws Exception {
    new Works(new Chronicle(), "Chronicle Queue", arguments).run();
  }
}
